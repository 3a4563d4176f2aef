"""PostgreSQL for a lesson: only the one that DATABASE_URL names, and there a schema of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from lab_env import look_or_unset, where_set
from lab_home import DATABASE_URL, masked
from labkit.errors import LabError
from labkit.side_by_side.rabbitmq import mark_of_this_lab

EXAMPLE = "DATABASE_URL=postgresql://lab:lab@127.0.0.1:5432/lab"


def left_out(number: str) -> str:
    """The sentence for a run without PostgreSQL: what was left out, and how to get it."""
    return (
        "PostgreSQL was left out, as DATABASE_URL names none: docker compose --profile postgres "
        f"up -d, then {EXAMPLE} ./lab run {number}"
    )


@contextmanager
def own_schema(lesson: str) -> Iterator[str | None]:
    """Give the address of a new schema; None where DATABASE_URL names no PostgreSQL.

    A schema is a folder of tables: what is made by this address lies in it, and is gone after the
    block.  Raises LabError where the server does not let the lab in.
    """
    if not DATABASE_URL.startswith("postgresql"):
        yield None
        return
    from sqlalchemy import create_engine, make_url, text  # deferred: most lessons need no database
    from sqlalchemy.exc import SQLAlchemyError

    schema = f"{lesson}_{mark_of_this_lab()}"
    url = make_url(DATABASE_URL)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))  # of a killed run
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise LabError(
            f"PostgreSQL at {masked(DATABASE_URL)} cannot be used: {reason}; without "
            f"DATABASE_URL{where_set('DATABASE_URL')} the lesson leaves PostgreSQL out",
            look_or_unset("DATABASE_URL"),
        ) from None
    try:
        theirs = url.update_query_dict({"options": f"-csearch_path={schema}"})
        yield theirs.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()
