"""Read a large CSV file of flights: check all of it first, then read it chunk by chunk.

    flight,day,origin,destination,departs,seats,price_eur,remark
    TL101,2027-01-31,AMS,OSL,07:30,180,129.00,"new: lounge, pier C"

Two kinds of mistakes are kept apart.  Where it is not sure what the rows are (another header,
bytes that are no UTF-8, a quote that is never closed), the whole file is refused before anything is
written.  A row whose values cannot be, or whose flight and day an earlier row has, is left out and
reported; the others are taken.
"""

import csv
import os
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

from work.files import path_inside
from work.flights import timetable
from work.open_folders import open_file

MAX_LINE_BYTES = 1000  # a flight has about 60; without a limit one line could fill the memory
MAX_ROWS = 1_000_000  # 400 chunks: that many messages a broker takes at once
MAX_REMARK_CHARACTERS = 200
MARK = b"\xef\xbb\xbf"  # the three bytes that some spreadsheets put in front of UTF-8

# Column by column: what it must look like, and an example for the error message.
COLUMNS = {
    "flight": timetable.COLUMNS["flight"],
    "day": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "2027-01-31"),
    **{name: form for name, form in timetable.COLUMNS.items() if name != "flight"},
    "remark": (rf"[^\x00-\x1f\x7f]{{0,{MAX_REMARK_CHARACTERS}}}", "'new: lounge'"),
}
HEADER = ",".join(COLUMNS)
_PATTERNS = {name: re.compile(pattern) for name, (pattern, _) in COLUMNS.items()}


@dataclass(frozen=True)
class Chunk:
    """A part of a file: small enough for a message, because it names the rows and has none."""

    number: int  # 0, 1, 2, ...
    begin: int  # bytes from the beginning of the file
    first_line: int  # as an editor counts: the header is line 1
    rows: int
    version: str  # of the file, so that a chunk of another one is not taken for this
    # (line, first line): rows whose flight and day a row above has, perhaps in another chunk.
    repeated: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class BadRow:
    """A row that is left out, and why."""

    line: int
    why: str


def source_file(folder: Path, csv_path: str) -> Path:
    """The file behind a path from outside: inside of the folder, there, and with a plain name.

    Raises ValueError for any other path.
    """
    path = path_inside(folder, csv_path, "csv_path")
    if path.suffix != ".csv" or not path.is_file():
        raise ValueError(f"csv_path must name a .csv file that is there, got {csv_path!r:.80}")
    timetable.check_name(path.stem)  # it becomes the flights' source
    return path


def chunks_of(path: Path, rows_in_chunk: int) -> list[Chunk]:
    """Read a file line by line, and cut it into chunks of so many rows.

    What it keeps in memory is one number for each row: 10 MB for 100,000 rows.
    Raises ValueError, naming the line, for a file that is no CSV file of flights.
    """
    chunks: list[Chunk] = []
    rows = 0
    seen: set[int] = set()
    twice: set[int] = set()
    with open_file(path) as file:
        version = _version(file)
        _check_header(file)
        begin = file.tell()
        for line, raw in enumerate(_lines(file, first=2), start=2):
            flight = _fingerprint(_values(raw, line))
            (twice if flight in seen else seen).add(flight)
            rows += 1
            if rows > MAX_ROWS:
                raise ValueError(f"the file must have at most {MAX_ROWS} rows, got more")
            if rows % rows_in_chunk == 0:
                first_line = line - rows_in_chunk + 1
                chunks.append(Chunk(len(chunks), begin, first_line, rows_in_chunk, version))
                begin = file.tell()
    if left := rows % rows_in_chunk:
        chunks.append(Chunk(len(chunks), begin, rows + 2 - left, left, version))
    if not twice:
        return chunks
    return [replace(chunk, repeated=pairs) for chunk, pairs in _repeated(path, chunks, twice)]


def rows_of(path: Path, chunk: Chunk) -> Iterator[dict | BadRow]:
    """The rows of one chunk: a dict for work.flights.flight_table, or what is wrong with the row.

    Raises ValueError if the file has become another one since it was cut: its size, the time of its
    last change, or its place on the disk.
    """
    repeated = dict(chunk.repeated)
    for line, values in _rows(path, chunk):
        try:
            row = flight_of(values)
            if line in repeated:
                raise ValueError(f"the same flight and day as in line {repeated[line]}")
        except ValueError as error:
            yield BadRow(line, str(error))
        else:
            yield row


def _rows(path: Path, chunk: Chunk) -> Iterator[tuple[int, list[str]]]:
    """The lines of one chunk: (number, values)."""
    with open_file(path) as file:
        if _version(file) != chunk.version:
            raise ValueError(f"{path.name} has changed while it was imported; import it again")
        file.seek(chunk.begin)
        for line, raw in enumerate(_lines(file, chunk.first_line), start=chunk.first_line):
            if line == chunk.first_line + chunk.rows:
                break
            yield line, _values(raw, line)


def _repeated(
    path: Path, chunks: list[Chunk], twice: Container[int]
) -> Iterator[tuple[Chunk, list[tuple[int, int]]]]:
    """Read a file again that has some flights twice; which rows of each chunk repeat a good one."""
    first: dict[int, int] = {}
    for chunk in chunks:
        pairs = []
        for line, values in _rows(path, chunk):
            flight = _fingerprint(values)
            if flight in twice and _is_flight(values) and first.setdefault(flight, line) != line:
                pairs.append((line, first[flight]))
        yield chunk, pairs


def _fingerprint(values: list[str]) -> int:
    """64 bits for a flight on a day: eight bytes, where a flight can have any length.

    Of a million flights, two have the same bits in one of 40 million files.
    """
    return hash(tuple(values[:2]))


def _is_flight(values: list[str]) -> bool:
    try:
        flight_of(values)
    except ValueError:
        return False
    return True


def _version(file: BinaryIO) -> str:
    """What changes when a file is written again, or another one takes its name."""
    now = os.fstat(file.fileno())
    return f"{now.st_ino}-{now.st_size}-{now.st_mtime_ns}"


def flight_of(values: list[str]) -> dict:
    """The columns of one flight, checked, with a date and numbers.

    >>> flight_of("TL101,2027-01-31,AMS,OSL,07:30,180,129.00,".split(","))["price_cents"]
    12900
    >>> flight_of("TL101,2027-02-30,AMS,OSL,07:30,180,129.00,".split(","))
    Traceback (most recent call last):
    ...
    ValueError: day must be of the form 2027-01-31, got '2027-02-30'
    """
    if len(values) != len(COLUMNS):
        raise ValueError(f"a row must have {len(COLUMNS)} columns, got {len(values)}")
    for (name, pattern), value in zip(_PATTERNS.items(), values, strict=True):
        if not pattern.fullmatch(value):
            raise ValueError(f"{name} must be of the form {COLUMNS[name][1]}, got {value!r:.80}")
    flight: dict = dict(zip(COLUMNS, values, strict=True))
    try:
        flight["day"] = date.fromisoformat(flight["day"])
    except ValueError:  # such as 30 February
        raise ValueError(f"day must be of the form 2027-01-31, got {flight['day']!r}") from None
    euros, _, cents = flight.pop("price_eur").partition(".")
    return flight | {"seats": int(flight["seats"]), "price_cents": int(euros + cents)}


def _check_header(file: BinaryIO) -> None:
    raw = next(_lines(file, first=1), b"").removeprefix(MARK)
    if raw.rstrip(b"\r\n") != HEADER.encode():
        got = raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        raise ValueError(f"line 1 must be {HEADER!r}, got {got!r:.80}")


def _lines(file: BinaryIO, first: int) -> Iterator[bytes]:
    """The lines of a file, from number `first` on; none is longer than MAX_LINE_BYTES."""
    line = first
    while raw := file.readline(MAX_LINE_BYTES + 1):
        if len(raw) > MAX_LINE_BYTES:
            raise ValueError(f"line {line} must have at most {MAX_LINE_BYTES} bytes, got more")
        yield raw
        line += 1


def _values(raw: bytes, line: int) -> list[str]:
    """The values of one line; a flight never needs two."""
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        got = raw[error.start : error.start + 1].hex()
        raise ValueError(f"line {line} must be UTF-8 text, got the byte 0x{got}") from None
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"line {line} must be one whole row of CSV: {error}") from None
