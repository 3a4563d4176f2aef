"""Read a timetable of the shop.

A timetable is a CSV file in the folder timetables/, named by its source: timetables/north.csv.

    flight,origin,destination,departs,seats,price_eur
    TL101,AMS,OSL,07:30,180,129.00
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from work import samples
from work.files import path_inside, write_atomically
from work.flights.sample_timetables import HEADER, SAMPLES
from work.open_folders import open_file

MAX_FLIGHTS = 1000  # about 100 kB as JSON: more than that should not travel in a message
MAX_SIZE_BYTES = 100_000  # a thousand flights of at most a hundred characters
MAX_NAME_CHARACTERS = 100

# Column by column: what it must look like, and an example for the error message.
COLUMNS = {
    "flight": (r"[A-Z]{2}[0-9]{1,4}", "TL101"),
    "origin": (r"[A-Z]{3}", "AMS"),
    "destination": (r"[A-Z]{3}", "OSL"),
    "departs": (r"([01][0-9]|2[0-3]):[0-5][0-9]", "07:30"),
    "seats": (r"[0-9]{1,3}", "180"),
    "price_eur": (r"[0-9]{1,5}\.[0-9]{2}", "129.00"),
}


def read(source: str, folder: Path) -> dict:
    """Read timetables/SOURCE.csv in `folder`; a sample is written there when it is missing.

    source: its name, in letters of any language; capital and small ones are the same.

    Returns {"source": str, "flights": [flight, ...]}.  A flight is a dict of the columns, with
    "seats" as a number, and "price_cents" for price_eur: money is counted in whole cents.

    Raises ValueError for "west", where the shop does not fly, and for a file that is no timetable.
    """
    name = file_name(source)
    path = path_inside(folder, f"timetables/{name}.csv", "source")
    if samples.is_wanted(path):
        write_atomically(path, SAMPLES.get(name, SAMPLES["source"]).encode())
    try:
        with open_file(path) as file:
            content = file.read(MAX_SIZE_BYTES + 1)
    except FileNotFoundError:
        known = sorted(SAMPLES.keys() | {file.stem for file in path.parent.glob("*.csv")})
        raise ValueError(f"source must be one of {', '.join(known)}, got {source!r}") from None
    if len(content) > MAX_SIZE_BYTES:
        raise ValueError(f"{path.name} must have at most {MAX_SIZE_BYTES} bytes, got more")
    try:
        lines = content.decode("utf-8-sig").splitlines()  # -sig: spreadsheets put a mark in front
        return {"source": source, "flights": parse(lines)}
    except ValueError as error:  # also raised for what is not UTF-8
        raise ValueError(f"{path.name}: {error}") from None


def parse(lines: Iterable[str]) -> list[dict]:
    """Return the flights of a CSV file, given line by line.

    >>> parse(["flight,origin,destination,departs,seats,price_eur",
    ...        "TL101,AMS,OSL,07:30,180,129.00"])  # doctest: +NORMALIZE_WHITESPACE
    [{'flight': 'TL101', 'origin': 'AMS', 'destination': 'OSL', 'departs': '07:30',
      'seats': 180, 'price_cents': 12900}]
    >>> parse(["flight,origin,destination,departs,seats,price_eur",
    ...        "TL101,AMS,OSL,24:30,180,129.00"])
    Traceback (most recent call last):
    ...
    ValueError: line 2: departs must be of the form 07:30, got '24:30'
    """
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, [])
        if header != list(COLUMNS):
            raise ValueError(f"line 1 must be {HEADER.strip()!r}, got {','.join(header)!r:.80}")
        flights = [_flight(row, rows.line_num) for row in rows]
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num} is not CSV: {error}") from None
    if len(flights) > MAX_FLIGHTS:
        raise ValueError(f"a timetable must have at most {MAX_FLIGHTS} flights, got {len(flights)}")
    return flights


def file_name(source: object) -> str:
    """Return the name of a source's file, in small letters: some file systems see no others.

    >>> file_name("Source1"), file_name("数据源1")
    ('source1', '数据源1')
    """
    if not isinstance(source, str) or not re.fullmatch(
        rf"[\w+-][\w.+-]{{0,{MAX_NAME_CHARACTERS - 1}}}", source
    ):
        raise ValueError(f"source must be a name such as 'north', got {source!r:.80}")
    return source.lower()


def check_name(source: object) -> str:
    """Return the name of a source in the database, which is in plain small letters.

    >>> check_name("../secret")
    Traceback (most recent call last):
    ...
    ValueError: source must be a name such as 'north', got '../secret'
    """
    if not isinstance(source, str) or not re.fullmatch(
        rf"[a-z0-9_+-]{{1,{MAX_NAME_CHARACTERS}}}", source
    ):
        raise ValueError(f"source must be a name such as 'north', got {source!r:.80}")
    return source


def _flight(row: list[str], line: int) -> dict:
    """One line of the file, checked, with its numbers as numbers."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"line {line} must have {len(COLUMNS)} columns, got {len(row)}")
    for (column, (pattern, example)), value in zip(COLUMNS.items(), row, strict=True):
        if not re.fullmatch(pattern, value):
            raise ValueError(
                f"line {line}: {column} must be of the form {example}, got {value!r:.80}"
            )
    flight = dict(zip(COLUMNS, row, strict=True))
    euros, _, cents = flight.pop("price_eur").partition(".")
    return flight | {"seats": int(flight["seats"]), "price_cents": int(euros + cents)}
