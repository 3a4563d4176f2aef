"""Import data: bring 100,000 rows into a database in chunks, twice, without doubling one.

An import that runs as one long task has three weak points.  It uses one processor only.  If it
dies after an hour, the hour is lost.  And who starts it again does not know which rows are in.

`import_data` is a short task.  It reads the file once, line by line, and refuses it before anything
is written if it is no CSV file of flights.  Then it replaces itself with a chord: one task for each
2,500 rows, and one for the end.  A message says which lines are meant; the rows stay in the file.
Each chunk is one transaction, and says "insert, or update what is there": the primary key of a
flight is its number and its day.  So a chunk may run twice, and so may the whole import.

SQLite has one writer at a time.  The three processes read and check their rows side by side, and
wait for each other only for the short time of writing (PRAGMA busy_timeout in
work/database/engine.py).  The second import can take longer than the first: each row is compared
with the one that is there.

The tasks are in tasks/realworld_tasks/imports.py, the tables in work/database/schema.py.

    ./lab run 52        # about 8 s

Watch: http://localhost:5555/tasks shows 42 tasks for each import: 41 chunks, and one
that came as import_data and ended as finish_import, under one id.

You should see:

    the file has 100005 rows, 4.4 MB
    $ ./start_worker.sh -n lesson52@%h --queues=lesson52 --concurrency=3 -- ...
    first import:  ... s, 100000 rows written, 5 bad, by ... processes
    second import: ... s, 0 rows written, 5 bad, by ... processes
    imports/lesson52-bad-rows.csv:
      line,why
      16667,"day must be of the form 2027-01-31, got '2027-02-30'"
      33334,"departs must be of the form 07:30, got '25:00'"
      50001,"seats must be of the form 180, got 'many'"
      66668,"price_eur must be of the form 129.00, got '129'"
      83335,"a row must have 8 columns, got 6"
    a process of the worker: ... MB when idle, ... MB at most
    a file with another header: FAILURE  line 1 must be 'flight,day,...
    true: the database held 100000 flights after the first import, and after the second
    true: the second import found each flight there as it should be
    true: the bar moved at least 3 times in each import
    true: at least 2 processes shared the work
    true: no process needed more than 60 MB above what it has when it is idle
    true: the file with another header was refused, and nothing of it was written

Try next.  Guess first:
  1. Set PROCESSES to 1.  Which sentence does not come true any more?
  2. Set CHUNK_ROWS in tasks/realworld_tasks/imports.py to 100_000.  How often does
     the bar move now, and what does the memory do?
  3. As the last line of the loop over the two imports, let the airline change its mind:
     file.write_text(file.read_text().replace("OSL", "HEL")).  How many rows are written then?
"""

import time
from collections.abc import Iterable

import psutil
from celery.result import AsyncResult
from rich.console import Console
from rich.progress import Progress

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own.flights import own_flights
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.processes.usage import peak_mb, resident_mb
from tasks.realworld_tasks import import_data
from work.flights import flight_table
from work.flights.sample_flights import write_flights

NAME = "lesson52"  # of the worker, of its queue, and of the flights' source
ROWS = 100_000
PROCESSES = 3
# The chunks go where import_data goes: to this lesson's worker.
ROUTES = f'task.routes=(dict){{"tasks.realworld_tasks.imports.*": {{"queue": "{NAME}"}}}}'
MORE_MB = 60  # SQLAlchemy and its driver take about 30, and 2,500 rows about 5
POLL_S = 0.05  # an import takes seconds
TIMEOUT_S = 200  # for one import; the rest is room for a busy machine


def main() -> None:
    file = write_flights(LAB_FILES, f"{NAME}.csv", ROWS, bad=True)
    other = LAB_FILES / f"{NAME}-other.csv"
    other.write_text("number,date,from,to\nXA1,2027-01-01,AMS,OSL\n")
    with file.open("rb") as lines:
        print(f"the file has {sum(1 for _ in lines) - 1} rows, {file.stat().st_size / 1e6:.1f} MB")
    options = [f"--concurrency={PROCESSES}"]
    moves, counts, reports = [], [], []
    with (
        own_flights(file.stem, other.stem) as database,
        own_queues(NAME),
        own_worker(NAME, [NAME], *options, settings=[ROUTES]) as worker,
    ):
        pool = [child.pid for child in psutil.Process(worker.process.pid).children()]
        idle_mb = max(resident_mb(pid) for pid in pool)
        most_mb = idle_mb
        for which in ("first import: ", "second import:"):
            start = time.monotonic()
            result = import_data.apply_async((file.name,), queue=NAME)
            moved, held_mb = follow(result, pool)
            reports.append(result.get(timeout=TIMEOUT_S))
            print(
                f"{which} {time.monotonic() - start:.1f} s, {reports[-1]['written']} rows written, "
                f"{reports[-1]['bad_rows']} bad, by {reports[-1]['processes']} processes"
            )
            moves.append(moved)
            most_mb = max(most_mb, held_mb)
            counts.append(flight_table.count(database, file.stem))
        refused = import_data.apply_async((other.name,), queue=NAME)
        why = refused.get(timeout=TIMEOUT_S, propagate=False)
        of_other = flight_table.count(database, other.stem)
    report = reports[-1]["bad_rows_file"]
    print(f"{report}:", *(LAB_FILES / report).read_text().splitlines(), sep="\n  ")
    print(f"a process of the worker: {idle_mb:.0f} MB when idle, {most_mb:.0f} MB at most")
    print(f"a file with another header: {refused.state}  {why}")
    claim(
        counts == [ROWS, ROWS],
        f"the database held {ROWS} flights after the first import, and after the second",
    )
    claim(reports[1]["written"] == 0, "the second import found each flight there as it should be")
    claim(min(moves) >= 3, "the bar moved at least 3 times in each import")
    claim(reports[0]["processes"] >= 2, "at least 2 processes shared the work")
    claim(
        most_mb - idle_mb <= MORE_MB,
        f"no process needed more than {MORE_MB} MB above what it has when it is idle",
    )
    claim(
        isinstance(why, ValueError) and of_other == 0,
        "the file with another header was refused, and nothing of it was written",
    )


def follow(result: AsyncResult, pool: Iterable[int]) -> tuple[int, float]:
    """Show a bar until the import ends; return how often it moved, and the most memory in MB."""
    moved, held_mb, stood = 0, 0.0, 0
    with Progress(console=Console(stderr=True)) as bar:
        line = bar.add_task("chunks", total=None)
        while not result.ready():
            report = result.info
            if isinstance(report, dict) and report.get("done", 0) > stood:
                stood = report["done"]
                moved += 1
                bar.update(line, completed=stood, total=report["total"])
            held_mb = max(held_mb, *map(peak_mb, pool))
            time.sleep(POLL_S)
    return moved, held_mb


if __name__ == "__main__":
    run_lesson(main, queues=[])
