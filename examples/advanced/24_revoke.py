"""Revoke: call a task off, and know where that is remembered.

`revoke(id)` does not touch a queue.  It tells workers an id, and they keep it in memory: "when you
come to this one, throw it away".  So it helps before a task has begun.  A running task goes on,
unless you add terminate=True; that kills the process of the pool that has the task, with all that
it was doing.

What a worker keeps in memory is gone when it ends.  Here each of two workers holds a task that is
due in 6 s, and is told to revoke it.  Then both stop, and start again.  One of them has --statedb,
a file for what it was told.

The task is `report_sales` in tasks/advanced_tasks/desk.py.

    ./lab run 24        # about 11 s

Watch: http://localhost:5555/tasks shows one of the tasks first as REVOKED, and then as SUCCESS.

You should see:

    $ ./start_worker.sh -n lesson24-plain@%h --queues=lesson24.plain --concurrency=1
    $ ./start_worker.sh -n lesson24-file@%h --queues=lesson24.file --concurrency=1 ...statedb=...
    running, revoke()                SUCCESS  began and ended
    queued, revoke()                 REVOKED  never began
    running, revoke(terminate=True)  REVOKED  began, and did not end
    true: revoke() alone stops only what has not begun
    due in 6 s, revoke()             REVOKED  not begun
    due in 6 s, revoke()             REVOKED  not begun
    both workers have ended; now they start again
    $ ./start_worker.sh -n lesson24-plain@%h --queues=lesson24.plain --concurrency=1
    $ ./start_worker.sh -n lesson24-file@%h --queues=lesson24.file --concurrency=1 ...statedb=...
    the same, without --statedb      SUCCESS  began and ended
    the same, with --statedb         REVOKED  never began
    true: without that file the revoked task ran after the restart
    true: with --statedb it was thrown away

Try next.  Guess first:
  1. Revoke the queued task with terminate=True.  Is the process of the running one killed?
  2. Let show() print result.state in place of state_of(result).  Which row contradicts itself?
  3. Give the first worker --statedb, too, with a file of its own.  Which row changes?  (The lesson
     waits 20 s for a task that does not come.)
"""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from celery.result import AsyncResult

from celery_app import app
from lab_home import LAB_HOME
from labkit.broker.queues import find_unacked
from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import report_sales
from work.ledger import Ledger

PLAIN, FILE = "lesson24.plain", "lesson24.file"
STATE_FILE = LAB_HOME / "lesson24-revoked"
LINES = [
    WorkerLine("lesson24-plain", [PLAIN], ["--concurrency=1"]),
    WorkerLine("lesson24-file", [FILE], ["--concurrency=1", f"--statedb={STATE_FILE}"]),
]
DUE_S = 6  # both workers have ended before
LONG_S = 30  # nobody waits for it: it is killed
TIMEOUT_S = 20  # the longest wait is for the task that is due in 6 s


def main() -> None:
    with (
        own_ledgers("lesson24", "log") as (ledger,),
        own_queues(PLAIN, FILE) as client,
        own_state_file(),
    ):
        with workers_of(LINES) as (plain, file):
            running_and_queued(ledger, plain, file)
            due = [
                send(ledger, "DUE-1", PLAIN, countdown=DUE_S),
                send(ledger, "DUE-2", FILE, countdown=DUE_S),
            ]
            wait_until(lambda: all(find_unacked(client, one.id).found for one in due), TIMEOUT_S)
            revoke(due[0], plain)
            revoke(due[1], file)
            for result in due:
                show("due in 6 s, revoke()", result, "not begun")
        print("both workers have ended; now they start again")

        with workers_of(LINES):
            wait_until(lambda: state_of(due[0]) == "SUCCESS", TIMEOUT_S)
            wait_until(lambda: nobody_has(client, due[1], FILE), TIMEOUT_S)
            fates = [fate(ledger, "DUE-1"), fate(ledger, "DUE-2")]
            show("the same, without --statedb", due[0], fates[0])
            show("the same, with --statedb", due[1], fates[1])
    claim(fates[0] == "began and ended", "without that file the revoked task ran after the restart")
    claim(fates[1] == "never began", "with --statedb it was thrown away")


def running_and_queued(ledger: Ledger, plain: Worker, file: Worker) -> None:
    """Revoke a running task, the one behind it, and a running one with terminate=True."""
    running = send(ledger, "RUNNING-1", PLAIN, seconds=1)
    queued = send(ledger, "QUEUED-1", PLAIN)
    killed = send(ledger, "KILLED-1", FILE, seconds=LONG_S)
    wait_until(lambda: running.state == killed.state == "STARTED", TIMEOUT_S)
    revoke(running, plain)
    revoke(queued, plain)
    revoke(killed, file, terminate=True)
    for result in (running, queued, killed):
        result.get(timeout=TIMEOUT_S, propagate=False)
    show("running, revoke()", running, fate(ledger, "RUNNING-1"))
    show("queued, revoke()", queued, fate(ledger, "QUEUED-1"))
    show("running, revoke(terminate=True)", killed, fate(ledger, "KILLED-1"))
    claim(
        [state_of(one) for one in (running, queued, killed)] == ["SUCCESS", "REVOKED", "REVOKED"],
        "revoke() alone stops only what has not begun",
    )


def send(ledger: Ledger, booking: str, queue: str, seconds: float = 0, **options) -> AsyncResult:
    return report_sales.apply_async((ledger.run, booking, seconds), queue=queue, **options)


def revoke(result: AsyncResult, worker: Worker, **options) -> None:
    """Tell one worker, and wait for its answer.  Without a destination all workers are told."""
    app.control.revoke(result.id, destination=[worker.name], reply=True, timeout=5, **options)


def show(what: str, result: AsyncResult, fate: str) -> None:
    print(f"{what:<33}{state_of(result):<9}{fate}")


def state_of(result: AsyncResult) -> str:
    """What is stored now.  The object itself remembers the first final state that it has seen."""
    return app.AsyncResult(result.id).state


def fate(ledger: Ledger, booking: str) -> str:
    """What the ledger says: a state is only what somebody reported."""
    if not ledger.find("START", booking):
        return "never began"
    return "began and ended" if ledger.find("END", booking) else "began, and did not end"


def nobody_has(client: redis.Redis, result: AsyncResult, queue: str) -> bool:
    """True if the message neither waits in its queue nor is held by a worker."""
    return not client.llen(queue) and not find_unacked(client, result.id).found


@contextmanager
def own_state_file() -> Iterator[None]:
    """No file of --statedb is there when the block begins, and none when it has ended."""

    def delete() -> None:  # what it is called in full differs between systems
        for path in STATE_FILE.parent.glob(f"{STATE_FILE.name}*"):
            path.unlink()

    delete()
    try:
        yield
    finally:
        delete()


if __name__ == "__main__":
    run_lesson(main, queues=[])
