"""Import a CSV file of flights into the database, chunk by chunk."""

from pathlib import Path

from sqlalchemy import Engine

from work import flight_table, import_reports
from work.flight_file import BadRow, Chunk, rows_of


def import_chunk(engine: Engine, path: Path, chunk: Chunk, reports: Path) -> int:
    """Write the good rows of one chunk into the database, in one transaction, and report the bad.

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
    written = flight_table.put(engine, good, source=path.stem)
    return import_reports.note(reports, chunk.number, len(good), written, bad)
