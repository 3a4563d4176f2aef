"""Fetch the fares of a partner airline, row by row, into a file.

A real partner sends them over the network, now and then very slowly.  And a real import writes the
file as work.files.write_atomically does, whole or not at all; here it grows row by row, so that
one can see what an import that was ended early leaves behind.
"""

import re
from pathlib import Path

from work.naps import nap

ROW_S = 0.05  # for one row, so 50 rows take 2.5 s
MAX_ROWS = 1000


def file_of(folder: Path, run: str, partner: str) -> Path:
    """The file for one partner's fares in one run: FOLDER/RUN-PARTNER.csv.

    >>> file_of(Path("fares"), "run", "tern").name
    'run-tern.csv'

    Raises ValueError unless partner is 1 to 20 of the letters a to z.
    """
    if not isinstance(partner, str) or not re.fullmatch("[a-z]{1,20}", partner):
        raise ValueError(f"partner must be 1 to 20 letters, a to z, got {partner!r:.80}")
    return folder / f"{run}-{partner}.csv"


def import_rows(file: Path, rows: int, row_s: float = ROW_S) -> int:
    """Append so many rows to a file, and return how many there are.

    Raises ValueError, before anything is written, unless rows is 1 to 1000.
    """
    for number in range(check_rows(rows)):
        append_row(file, number, row_s)
    return rows


def import_rows_carelessly(file: Path, rows: int, row_s: float = ROW_S) -> int:
    """Broken on purpose: the same, but whatever goes wrong is taken for a bad row, and skipped."""
    for number in range(check_rows(rows)):
        try:
            append_row(file, number, row_s)
        except Exception:  # noqa: BLE001, S112  (the mistake that this function shows)
            continue
    return rows


def append_row(file: Path, number: int, row_s: float = ROW_S) -> None:
    """Wait for one row of the partner's list, and add it to the file at once."""
    nap(row_s)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as output:
        output.write(f"TL{number},12900\n")


def rows_in(file: Path) -> int:
    """How many rows a file has; 0 if there is none.

    >>> rows_in(Path("no-such-file.csv"))
    0
    """
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


def check_rows(rows: object) -> int:
    """Return a number of rows that one import may have.

    >>> check_rows(0)
    Traceback (most recent call last):
    ...
    ValueError: rows must be 1 to 1000, got 0
    """
    if type(rows) is not int or not 1 <= rows <= MAX_ROWS:
        raise ValueError(f"rows must be 1 to {MAX_ROWS}, got {rows!r:.80}")
    return rows
