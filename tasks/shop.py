"""The shop's database, as the tasks get it: one engine for each process, made when it is needed."""

import os
from functools import cache
from typing import TYPE_CHECKING

from lab_home import DATABASE_URL

if TYPE_CHECKING:
    from sqlalchemy import Engine


def shop() -> "Engine":
    """The engine of this process; its tables are there."""
    return _shop(os.getpid())


@cache
def _shop(_pid: int) -> "Engine":
    """The pid makes it anew after a fork: connections of the parent must not be used (lesson 59).

    The import stands here and not above, because SQLAlchemy takes 0.2 s, and a worker that only
    adds numbers does not need it.
    """
    from work.database.engine import create_tables, engine_for

    engine = engine_for(DATABASE_URL)
    create_tables(engine)
    return engine
