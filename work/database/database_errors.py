"""What a caller of the database can do something about; without importing SQLAlchemy."""


class DatabaseBusy(Exception):
    """The database could not be reached, or had no turn for us: waiting can heal that."""
