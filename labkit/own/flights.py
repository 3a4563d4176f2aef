"""Flights of a lesson's own in the shop's database: none when it begins, gone when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab_home import DATABASE_URL
from labkit.services.shop_errors import shop_errors

if TYPE_CHECKING:
    from sqlalchemy import Engine


@contextmanager
def own_flights(*sources: str) -> Iterator["Engine"]:
    """Remove the flights of these sources before and after a block; give the database's engine.

    Raises LabError if the database does not answer, or is damaged.
    """
    from work.database.engine import create_tables, engine_for
    from work.flights.flight_table import remove

    engine = engine_for(DATABASE_URL)
    try:
        with shop_errors():
            create_tables(engine)
        for source in sources:  # an interrupted run may have left some
            remove(engine, source)
        try:
            yield engine
        finally:
            for source in sources:
                remove(engine, source)
    finally:
        engine.dispose()
