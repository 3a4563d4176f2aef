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

    lesson52.csv: 100005 rows, 4.4 MB
    $ ./start_worker.sh -n lesson52@%h --queues=lesson52 --concurrency=3 -- ...
    import  written  bad  in the database  processes  seconds
    first   100000   5    100000           ...
    second  0        5    100000           ...
    imports/lesson52-bad-rows.csv:
      line,why
      16667,"day must be of the form 2027-01-31, got '2027-02-30'"
      33334,"departs must be of the form 07:30, got '25:00'"
      50001,"seats must be of the form 180, got 'many'"
      66668,"price_eur must be of the form 129.00, got '129'"
      83335,"a row must have 8 columns, got 6"
    another header: FAILURE ValueError, 0 flights in the database
      line 1 must be 'flight,day,...', got 'number,date'
    a process: ... MB when idle, ... MB at most
    true: the bar moved at least 3 times in each import
    true: at least 2 processes shared the work
    true: no process needed more than 60 MB above what it has when it is idle

The second import wrote nothing: it found each flight there as it should be.

Try next.  Guess first:
  1. Set PROCESSES to 1.  Which sentence does not come true any more?
  2. Set CHUNK_ROWS in tasks/realworld_tasks/imports.py to 100_000.  How often does
     the bar move now, and what does the memory do?
  3. As the last line of the loop over the two imports, let the airline change its mind:
     file.write_text(file.read_text().replace("OSL", "HEL")).  How many rows are written then?
"""

import time

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.endings import how_it_ended
from labkit.lesson.memory import PoolMemory
from labkit.lesson.progress import follow
from labkit.own.flights import own_flights
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from tasks.realworld_tasks import import_data
from work.flights import flight_table
from work.flights.sample_flights import write_flights

NAME = "lesson52"  # of the worker, of its queue, and of the flights' source
OTHER = "lesson52-other"
ROWS = 100_000
PROCESSES = 3
# The chunks go where import_data goes: to this lesson's worker.
ROUTES = f'task.routes=(dict){{"tasks.realworld_tasks.imports.*": {{"queue": "{NAME}"}}}}'
MORE_MB = 60  # SQLAlchemy and its driver take about 30, and 2,500 rows about 5
LOOK_S = 0.05  # to ask more often would only keep a processor from the work
TIMEOUT_S = 200  # for one import; the rest is room for a busy machine


def main() -> None:
    file = write_flights(LAB_FILES, f"{NAME}.csv", ROWS, bad=True)
    lines = file.read_text().count("\n")
    print(f"{file.name}: {lines - 1} rows, {file.stat().st_size / 1e6:.1f} MB")
    (LAB_FILES / f"{OTHER}.csv").write_text("number,date\nXA1,2027-01-01\n")
    moves, processes, rows = [], [], []
    with (
        own_flights(NAME, OTHER) as database,
        own_queues(NAME),
        own_worker(NAME, [NAME], f"--concurrency={PROCESSES}", settings=[ROUTES]) as worker,
    ):
        # import_data ends with `return self.replace(chord(...))`.  The chord takes its place and
        # its id, so this one result is the result of all 42 tasks; each chunk moves the bar.
        memory = PoolMemory(worker)
        for which in ("first", "second"):
            start = time.monotonic()
            result = import_data.apply_async((file.name,), queue=NAME)
            moves.append(len(follow(result, "chunks", memory.look, every_s=LOOK_S)))
            report = result.get(timeout=TIMEOUT_S)
            took = f"{time.monotonic() - start:.1f}"
            processes.append(report["processes"])
            there = flight_table.count(database, NAME)
            rows.append((which, report["written"], report["bad_rows"], there, processes[-1], took))

        # What is no file of flights is refused by import_data itself, before any chunk is sent.
        refused = import_data.apply_async((f"{OTHER}.csv",), queue=NAME)
        why = refused.get(timeout=TIMEOUT_S, propagate=False)
        of_other = flight_table.count(database, OTHER)

    # A bad row is no error of a task: it would stop the good ones, and no retry mends it.
    table("import", "written", "bad", "in the database", "processes", "seconds", rows=rows)
    bad_rows = report["bad_rows_file"]
    print(f"{bad_rows}:", *(LAB_FILES / bad_rows).read_text().splitlines(), sep="\n  ")
    print(f"another header: {how_it_ended(refused)}, {of_other} flights in the database\n  {why}")
    print(f"a process: {memory.idle_mb:.0f} MB when idle, {memory.most_mb:.0f} MB at most")

    # Each chunk tells import_data's id how many are done, by update_state(task_id=...).
    claim(min(moves) >= 3, "the bar moved at least 3 times in each import")
    claim(processes[0] >= 2, "at least 2 processes shared the work")

    # A chunk reads its own lines and no others: 2,500 rows in memory, however long the file is.
    claim(
        memory.most_mb - memory.idle_mb <= MORE_MB,
        f"no process needed more than {MORE_MB} MB above what it has when it is idle",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
