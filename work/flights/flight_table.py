"""The table of flights: put rows in, take them out as a stream."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from work.database.engine import reading, writing
from work.database.schema import flights

ROWS_AT_ONCE = 500  # that many rows of a stream are in memory at a time
_KEY = ["flight", "day"]
_OTHERS = [column.name for column in flights.columns if column.name not in _KEY]


def put(engine: Engine, rows: Sequence[dict], source: str) -> int:
    """Insert new flights, and update those that differ, in one transaction; return how many.

    Doing it again changes nothing, and returns 0.
    rows: {"flight": str, "day": date, "origin": str, ...}, as work.flights.flight_file makes them.
    Raises sqlalchemy.exc.OperationalError where the database has no turn for us; nothing of these
    rows is written then.
    """
    if not rows:
        return 0
    # Both databases know "insert, or update where it stands already"; SQL itself has no word
    # that both understand, so SQLAlchemy has one of its own for each.
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    new = dialect.insert(flights)
    statement = new.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: new.excluded[name] for name in _OTHERS},
        where=or_(*(flights.c[name] != new.excluded[name] for name in _OTHERS)),
    ).returning(flights.c.flight)  # of each row that was written
    # In one order always: two writers that lock the same rows in different orders block each
    # other for ever (PostgreSQL ends one of them after a second).
    ordered = sorted(rows, key=lambda row: (row["flight"], row["day"]))
    with writing(engine) as connection:
        written = connection.execute(statement, [row | {"source": source} for row in ordered])
        return len(written.all())


def stream(engine: Engine, source: str) -> Iterator[dict]:
    """Every flight of a source, in the order of flight and day; as many at a time as needed.

    It is one state of the table: what others write meanwhile is not seen.
    """
    query = (
        select(flights).where(flights.c.source == source).order_by(*(flights.c[k] for k in _KEY))
    )
    with reading(engine) as connection:
        for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query).mappings():
            yield dict(row)


def count(engine: Engine, source: str) -> int:
    """How many flights of a source there are."""
    with reading(engine) as connection:
        query = select(func.count()).select_from(flights).where(flights.c.source == source)
        return connection.scalar(query) or 0


def remove(engine: Engine, source: str) -> int:
    """Delete the flights of a source; return how many there were."""
    with writing(engine) as connection:
        return connection.execute(delete(flights).where(flights.c.source == source)).rowcount
