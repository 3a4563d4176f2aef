"""Open the shop's database: SQLite or PostgreSQL, named by a URL.

    sqlite:////data/files/shop.sqlite           postgresql+psycopg://lab:lab@127.0.0.1:5432/lab

Make an engine in the process that uses it.  A connection that a fork copies into several
processes is one connection still: two processes would talk on it at once (lesson 59).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text

from work.database.schema import metadata

# A writer waits so long for the others.  Each of them holds the database for milliseconds, but
# SQLite keeps no queue: the next one to write is whoever asks at the right moment.
PATIENCE_S = 60
CONNECT_TIMEOUT_S = 5  # PostgreSQL: whether the server answers, not how long a query may take
CREATE_LOCK = 2026_11_20  # any number, the same in all processes


def engine_for(url: str, patience_s: float | None = None) -> Engine:
    """An engine for a database URL; nothing is opened before it is used.

    patience_s: so long its statements wait for others, and its callers for a connection.  None is
    for tasks, which have time: PATIENCE_S in SQLite, and in PostgreSQL what the server says.
    The folder of an SQLite file is made.  Raises sqlalchemy.exc.ArgumentError for what is no URL.
    """
    pool: dict[str, Any] = {} if patience_s is None else {"pool_timeout": patience_s}
    if make_url(url).get_backend_name() != "sqlite":
        # pre_ping: a connection that the server has closed meanwhile is replaced, and not used.
        engine = create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}, **pool
        )
        if patience_s is not None:
            event.listen(engine, "connect", partial(_set_up_postgresql, patience_s))
        return engine
    Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
    patience_s = PATIENCE_S if patience_s is None else patience_s
    engine = create_engine(url, connect_args={"timeout": patience_s}, **pool)
    event.listen(engine, "connect", partial(_set_up_sqlite, patience_s))
    event.listen(engine, "begin", _begin_in_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: all of it is kept, or (after an error, or a kill) nothing.

    Keep it short: in SQLite there is one writer at a time, and the others wait.
    """
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: it sees one state of the database, and nobody waits for it."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.execution_options(**level).connect() as connection, connection.begin():
        yield connection


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet; several processes may do it at the same moment.

    Where all are there, nobody is waited for.
    Raises sqlalchemy.exc.OperationalError if the database cannot be reached, or not written.
    """
    with reading(engine) as connection:
        if set(metadata.tables) <= set(inspect(connection).get_table_names()):
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            # Two processes can both see that a table is missing, and both try to make it.
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": CREATE_LOCK})
        metadata.create_all(connection)


def _set_up_postgresql(patience_s: float, connection: Any, _record: object) -> None:
    """What each new connection to PostgreSQL of an impatient process is told first."""
    connection.execute(f"SET statement_timeout = {patience_s * 1000:.0f}")  # milliseconds
    connection.commit()  # or the end of the first transaction takes it back


def _set_up_sqlite(patience_s: float, connection: Any, _record: object) -> None:
    """What each new connection to SQLite is told first."""
    connection.isolation_level = None  # Python sends no BEGIN of its own: we do, below
    connection.execute(f"PRAGMA busy_timeout = {patience_s * 1000:.0f}")  # milliseconds
    # With a write-ahead log, readers do not wait for the writer, nor the writer for them.  The
    # file remembers it.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")  # off by default


def _begin_in_sqlite(connection: Connection) -> None:
    """Say at the beginning of a transaction that it will write.

    One that begins by reading, and wants to write later, fails at once with "database is locked"
    if somebody else has written in between.  One that says so at the beginning waits.
    """
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
