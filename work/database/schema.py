"""The tables of the shop: the whole schema in one place, for SQLite and for PostgreSQL.

    flights   the timetable: one row for each flight on each day (import_data fills it)
    orders    what was ordered, and how far it is
    outbox    messages that must be sent because of what a transaction wrote

There are no migrations: the lab's data can be made again at any time, and whoever changes a table
deletes .lab/files/shop.sqlite.  An application with data of its own needs them from its first
release on; Alembic writes them, from tables like these.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A time with its zone, always UTC: SQLite would give it back without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time must have a zone, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """This moment, as the tables keep it."""
    return datetime.now(UTC)


# The primary key is the natural one: what names a flight outside of this database, too.  So the
# database itself refuses to hold a flight twice, however often a timetable is imported.
flights = Table(
    "flights",
    metadata,
    Column("flight", String(6), primary_key=True),  # TL101
    Column("day", Date, primary_key=True),
    Column("origin", String(3), nullable=False),  # AMS
    Column("destination", String(3), nullable=False),
    Column("departs", String(5), nullable=False),  # 07:30, in the time of its airport
    Column("seats", Integer, nullable=False),
    Column("price_cents", Integer, nullable=False),
    Column("remark", String(200), nullable=False, default=""),  # free text from the airline
    Column("source", String(100), nullable=False),  # the timetable that brought it
    CheckConstraint("seats >= 0"),
    CheckConstraint("price_cents >= 0"),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("flight", String(6), nullable=False),
    Column("day", Date, nullable=False),
    Column("seats", Integer, nullable=False),
    Column("price_cents", Integer, nullable=False),  # of one seat, as the buyer has seen it
    Column("card", String(50), nullable=False),
    Column("email", String(254), nullable=False),
    Column("state", String(20), nullable=False, default="new", index=True),
    Column("reason", String(200)),  # why it was taken back
    Column("created_at", Moment, nullable=False, default=now),
    Column("updated_at", Moment, nullable=False, default=now, onupdate=now),
    ForeignKeyConstraint(["flight", "day"], ["flights.flight", "flights.day"]),
    CheckConstraint("seats > 0"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("task", String(200), nullable=False),  # the name of a task
    Column("arguments", JSON, nullable=False),
    Column("created_at", Moment, nullable=False, default=now),
    Column("sent_at", Moment),  # the last time; NULL: not sent yet
    Column("times_sent", Integer, nullable=False, default=0),
    Index("outbox_not_sent", "sent_at", "created_at"),
)
