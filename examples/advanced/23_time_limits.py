"""Time limits: ask a task to stop, then make it stop, and know which pools do so.

A task that hangs holds its slot for ever.  At the soft limit (here 1 s) the worker raises
SoftTimeLimitExceeded inside the task: time to clean up.  At the hard limit (2 s) it kills the
process, and no `except` and no `finally` in it runs any more.

Two tasks import the fares of a partner, 50 rows, which takes 2.5 s.  The first one removes its half
of a file at the soft limit.  The second one has an `except Exception` around each row, takes the
soft limit for a bad row, and goes on.  Both have the same limits.  They run in a pool of processes,
a pool of threads, and a pool that is no pool (solo).

The tasks are `import_fares` and `import_fares_carelessly` in tasks/advanced_tasks/limits.py.

    ./lab run 23        # about 10 s

Watch: http://localhost:5555/tasks shows two failures and four successes of the same two tasks.

You should see:

    $ ./start_worker.sh -n lesson23-prefork@%h --queues=lesson23.prefork --concurrency=2 --pool=...
    $ ./start_worker.sh -n lesson23-threads@%h --queues=lesson23.threads --concurrency=2 --pool=...
    $ ./start_worker.sh -n lesson23-solo@%h --queues=lesson23.solo --concurrency=2 --pool=solo
    pool     task                     what became of it        rows left  process
    prefork  import_fares             SoftTimeLimitExceeded()  0          goes on
    prefork  import_fares_carelessly  TimeLimitExceeded(2)     ...        was killed
    threads  import_fares             done in ... s            50         goes on
    threads  import_fares_carelessly  done in ... s            50         goes on
    solo     import_fares             done in ... s            50         goes on
    solo     import_fares_carelessly  done in ... s            50         goes on
    true: prefork, hard limit: the process was killed, and half a file is left
    true: threads and solo: nothing stopped a task, and nobody said so

Try next.  Guess first:
  1. Set ROWS to 15.  Who is stopped now?
  2. Write `except OSError` in work/flights/fares.py for `except Exception`.  Which limit ends the
     second task now, and does that remove the half of the file?
  3. Write `return 0` in place of `raise` in import_fares.  What does its caller see then?
"""

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.setup import Setup
from labkit.lesson.trial import trial
from tasks.advanced_tasks import import_fares, import_fares_carelessly
from work.flights import fares

POOLS = {pool: [f"--pool={pool}"] for pool in ("prefork", "threads", "solo")}
TASKS = {"tern": import_fares, "swift": import_fares_carelessly}  # each for an airline
ROWS = 50  # 2.5 s of work; the limits are 1 and 2 s


def main() -> None:
    # The limits stand in the decorators of the two tasks.  All three workers run the same ones.
    with trial("lesson23", POOLS, "--concurrency=2") as setups:
        for one in setups:
            for partner, task in TASKS.items():
                one.send(task, partner, ROWS)
        setups.wait_for_results()
        rows = [
            (one.name, task.__name__, *what_became_of(one, partner))
            for one in setups
            for partner, task in TASKS.items()
        ]
    table("pool", "task", "what became of it", "rows left", "process", rows=rows)

    # After the soft limit the task could still remove its half of a file.  After SIGKILL there is
    # no `except` and no `finally` any more, so half a file is left.
    half = rows[1][3]
    claim(0 < half < ROWS, "prefork, hard limit: the process was killed, and half a file is left")

    # A pool that has no limits does not complain about them.  Only prefork writes of limits at all.
    speak_of_limits = [one.name for one in setups if "time limit" in one.worker.logged()]
    claim(
        speak_of_limits == ["prefork"],
        "threads and solo: nothing stopped a task, and nobody said so",
    )


def what_became_of(one: Setup, partner: str) -> tuple[str, int, str]:
    """How an import ended, how many rows it left behind, and whether its process still runs."""
    file = fares.file_of(LAB_FILES / "fares", one.ledger.run, partner)
    left = fares.rows_in(file)
    file.unlink(missing_ok=True)
    return one.outcome(partner), left, "goes on" if one.process_runs(partner) else "was killed"


if __name__ == "__main__":
    run_lesson(main, queues=[])
