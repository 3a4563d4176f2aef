"""Flights of a lesson's own in the shop's database: none when it begins, gone when it ends."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lab_home import DATABASE_URL
from labkit.services.shop_errors import shop_errors

if TYPE_CHECKING:
    from sqlalchemy import Engine

ROWS_AT_ONCE = 5000  # in one transaction


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


def put_flights(engine: "Engine", rows: Mapping[str, int], remarks: Sequence[str] = ()) -> None:
    """Put so many flights of each source into the database: rows is {source: number}.

    remarks: of the first flights of each source.
    """
    from work.flights import flight_table
    from work.flights.sample_flights import flight_dicts

    for number, source in enumerate(rows):
        airline = f"X{chr(ord('B') + number)}"  # no two sources have the same flights
        flights = flight_dicts(rows[source], airline, remarks)
        while batch := list(islice(flights, ROWS_AT_ONCE)):
            flight_table.put(engine, batch, source)


def flights_in(file: Path) -> list[dict[str, str]]:
    """The flights in a CSV file: a row each, by the names of its columns."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def formulas_in(flights: Sequence[Mapping[str, str]]) -> list[str]:
    """The cells that a spreadsheet would run; for what else it takes for one, work/flights/exports.

    >>> formulas_in([{"flight": "XB1", "remark": "=1+1"}, {"flight": "XB2", "remark": "'=1+1"}])
    ['=1+1']
    """
    cells = (cell for flight in flights for cell in flight.values())
    return [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
