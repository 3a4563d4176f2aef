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
    true: prefork, soft limit: the task stopped in time and left nothing behind
    true: prefork, hard limit: the process was killed, and half a file is left
    true: threads and solo: nothing stopped a task, and nobody said so

Try next.  Guess first:
  1. Set ROWS to 15.  Who is stopped now?
  2. Write `except OSError` in work/flights/fares.py for `except Exception`.  Which limit ends the
     second task now, and does that remove the half of the file?
  3. Write `return 0` in place of `raise` in import_fares.  What does its caller see then?
"""

import psutil
from celery.result import AsyncResult

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, workers_of
from tasks.advanced_tasks import import_fares, import_fares_carelessly
from work.flights.fares import rows_in
from work.ledger import Ledger

POOLS = ["prefork", "threads", "solo"]
TASKS = [import_fares, import_fares_carelessly]
ROWS = 50  # 2.5 s of work; the limits are 1 and 2 s
TIMEOUT_S = 30  # solo needs 5 s for both; the rest is room for a busy machine


def main() -> None:
    lines = [
        WorkerLine(f"lesson23-{pool}", [f"lesson23.{pool}"], ["--concurrency=2", f"--pool={pool}"])
        for pool in POOLS
    ]
    names = [f"{pool}-{task.name.rpartition('.')[2]}" for pool in POOLS for task in TASKS]
    with (
        own_ledgers("lesson23", *names) as ledgers,
        own_queues(*(f"lesson23.{pool}" for pool in POOLS)),
        workers_of(lines) as workers,
    ):
        places = [(pool, task) for pool in POOLS for task in TASKS]
        results = [
            task.apply_async((ledger.run, ROWS), queue=f"lesson23.{pool}")
            for (pool, task), ledger in zip(places, ledgers, strict=True)
        ]
        for result in results:
            result.get(timeout=TIMEOUT_S, propagate=False)
        rows = list(map(what_became_of, results, ledgers))
        speak_of_it = [
            pool for pool, worker in zip(POOLS, workers, strict=True) if speaks_of_a_limit(worker)
        ]
        print(f"{'pool':<9}{'task':<25}{'what became of it':<25}{'rows left':<11}process")
        for name, row in zip(names, rows, strict=True):
            print("{:<9}{:<25}{:<25}{:<11}{}".format(*name.split("-"), *row))
    soft, hard, *others = rows
    claim(
        soft == ("SoftTimeLimitExceeded()", 0, "goes on"),
        "prefork, soft limit: the task stopped in time and left nothing behind",
    )
    claim(
        hard[0].startswith("TimeLimitExceeded") and 0 < hard[1] < ROWS and hard[2] == "was killed",
        "prefork, hard limit: the process was killed, and half a file is left",
    )
    claim(
        all(outcome.startswith("done") and left == ROWS for outcome, left, _ in others)
        and speak_of_it == ["prefork"],
        "threads and solo: nothing stopped a task, and nobody said so",
    )


def what_became_of(result: AsyncResult, ledger: Ledger) -> tuple[str, int, str]:
    """How a task ended, how many rows it left behind, and whether its process still runs."""
    file = LAB_FILES / "fares" / f"{ledger.run}.csv"
    start, end = ledger.find("START", "import"), ledger.find("END", "import")
    outcome = f"done in {end.time - start.time:.1f} s" if end else repr(result.result)
    left = rows_in(file)
    process = "goes on" if runs(start.pid) else "was killed"
    file.unlink(missing_ok=True)
    return outcome, left, process


def speaks_of_a_limit(worker: Worker) -> bool:
    """True if its log says "Soft time limit (1s) exceeded", or the like."""
    return "time limit" in worker.log.read_text(errors="replace")


def runs(pid: int) -> bool:
    """True while a process runs; one that has ended may stay in the system's table (a zombie)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    run_lesson(main, queues=[])
