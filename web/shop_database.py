"""The shop's database as this process sees it: like the broker, it answers soon or counts as away.

SQLAlchemy is imported where it is used: it takes 0.2 s, and only orders need it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from lab_home import DATABASE_URL
from labkit.services.shop_errors import damaged
from web.errors import Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

PATIENCE_S = (
    0.4  # a writer holds SQLite for milliseconds; work/database/engine.py lets tasks wait 60 s
)


@cache
def impatient_shop() -> "Engine":
    """The engine of the shop, with connections that do not wait long for another writer."""
    from work.database.engine import create_tables, engine_for

    engine = engine_for(DATABASE_URL, PATIENCE_S)  # impatient from its first statement on
    try:
        create_tables(engine)
    except Exception:
        engine.dispose()  # the next request makes another one
        raise
    return engine


@contextmanager
def shop_database() -> Iterator["Engine"]:
    """Give the engine; Unavailable if the database cannot be used now."""
    from sqlalchemy.exc import DatabaseError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolIsEmpty

    try:
        yield impatient_shop()
    except OperationalError as error:  # locked, full, not there
        sentence = f"the shop's database cannot be used now, ask again in a second: {error.orig}"
        raise Unavailable(sentence, "./lab status") from error
    except DatabaseError as error:
        if why := damaged(error):
            raise Unavailable(why.sentence, why.hint) from error
        raise
    except PoolIsEmpty as error:
        sentence = "the shop's database has too many visitors, ask again in a second"
        raise Unavailable(sentence, "./lab status") from error
