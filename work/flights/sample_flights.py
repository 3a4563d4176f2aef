"""Make large timetables: the flights of a partner airline for a year, for lessons and examples."""

import csv
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import IO

from work import samples
from work.files import path_inside, whole_or_absent
from work.flights.flight_file import COLUMNS, flight_of
from work.flights.timetable import check_name

FIRST_DAY = date(2027, 1, 1)
DAYS = 365
SAMPLE_ROWS = 1000
AIRPORTS = ["OSL", "HEL", "ARN", "IST", "DXB", "PEK", "LIS", "ATH", "CAI", "NRT"]
REMARK_EVERY = 10  # rows; the others have none

# What an airline may send by mistake: a row each, put among the right ones.
BAD_ROWS = [
    "XA9001,2027-02-30,AMS,OSL,07:30,180,129.00,",
    "XA9002,2027-03-01,AMS,OSL,25:00,180,129.00,",
    "XA9003,2027-03-01,AMS,OSL,07:30,many,129.00,",
    "XA9004,2027-03-01,AMS,OSL,07:30,180,129,",
    "XA9005,2027-03-01,AMS,OSL,07:30,180",
]


def make_missing(folder: Path, csv_path: str) -> None:
    """Write a sample where a CSV file is asked for that is missing: "data.csv" in an example."""
    path = path_inside(folder, csv_path, "csv_path")
    if path.suffix == ".csv" and check_name(path.stem) and samples.is_wanted(path):
        # A flight belongs to the source that was imported last, so each file has its own airline.
        letter = chr(ord("A") + zlib.crc32(path.stem.encode()) % 26)
        write_flights(folder, csv_path, SAMPLE_ROWS, airline=f"S{letter}")


def write_flights(
    folder: Path, csv_path: str, rows: int, *, bad: bool = False, airline: str = "XA"
) -> Path:
    """Write a CSV file of so many flights, the same at every call; return its path.

    bad: put BAD_ROWS between them, at equal distances.
    """
    path = path_inside(folder, csv_path, "csv_path")
    with whole_or_absent(path) as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for number, row in enumerate(flights(rows, airline)):
            if bad and (number + 1) % (rows // (len(BAD_ROWS) + 1)) == 0:
                _write_bad_row(file, number * (len(BAD_ROWS) + 1) // rows)
            file.write((row + "\n").encode())
    return path


def flights(rows: int, airline: str = "XA") -> Iterator[str]:
    """The rows of the file, each a flight on a day that no other row has."""
    for number in range(rows):
        name, day = divmod(number, DAYS)
        remark = f'"pier {name % 9 + 1}, gate {day % 30 + 1}"' if number % REMARK_EVERY == 0 else ""
        yield (
            f"{airline}{name + 1},{FIRST_DAY + timedelta(days=day)},AMS,{AIRPORTS[name % 10]},"
            f"{name % 18 + 6:02}:{name % 60:02},{100 + name % 200},{80 + day % 100}.50,{remark}"
        )


def flight_dicts(rows: int, airline: str, remarks: Sequence[str] = ()) -> Iterator[dict]:
    """The same flights, as flight_table takes them; the first ones have these remarks."""
    for row, remark in zip_longest(flights(rows, airline), remarks):
        flight = flight_of(next(csv.reader([row])))
        yield flight if remark is None else flight | {"remark": remark}


def _write_bad_row(file: IO[bytes], number: int) -> None:
    if number < len(BAD_ROWS):
        file.write((BAD_ROWS[number] + "\n").encode())
