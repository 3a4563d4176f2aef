"""Import a CSV file of flights into the database, chunk by chunk."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from work.database.database_errors import DatabaseBusy
from work.flights import flight_table, import_reports
from work.flights.flight_file import BadRow, Chunk, rows_of


def import_chunk(shop: Callable[[], Engine], path: Path, chunk: Chunk, reports: Path) -> int:
    """Write the good rows of one chunk into the database, in one transaction, and report the bad.

    shop: opens the database, so that "it does not answer" is found here, too.
    Returns how many chunks of this import are done.
    Raises DatabaseBusy; the same chunk can be imported again at any time.
    """
    good: list[dict] = []
    bad: list[BadRow] = []
    for row in rows_of(path, chunk):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            good.append(row)
    try:
        written = flight_table.put(shop(), good, source=path.stem)
    except OperationalError as error:  # locked, full, or not there
        why = str(error.orig).strip().splitlines()[0]
        raise DatabaseBusy(f"the flights could not be written: {why}") from None
    return import_reports.note(reports, chunk.number, len(good), written, bad)
