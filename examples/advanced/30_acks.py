"""Acknowledgement: kill a worker, and see which of its jobs is lost and which comes back.

A worker acknowledges a message: it tells the broker that the message may be forgotten.  By default
that comes early, when a process of the pool has the task.  With acks_late it comes after the task.
The difference is what is left when the worker dies in between.

Two workers with one slot each get three jobs of 3 s.  While both work on the first one, both are
killed (kill -9, with their pools), as by a power cut.  Then two new workers start.  Nobody tells
them what the dead ones held.  A worker looks now and then for messages that were taken longer ago
than visibility_timeout and never acknowledged, and puts them back into their queue.

Here visibility_timeout is 10 s, and that look comes every second.  With Celery's own values it
comes about every 100 s, for messages of more than an hour.  The broker is this lesson's own.

The task is `print_ticket` in tasks/advanced_tasks/delivery.py.

    ./lab run 30        # about 22 s

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson30*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson30-early@%h --queues=lesson30.early ...{"visibility_timeout": 10...
    $ ./start_worker.sh -n lesson30-late@%h --queues=lesson30.late ... task.acks_late=True
    both work on TL-1, and Redis holds:
      lesson30.early  queued 1, unacked 1
      lesson30.late   queued 2, unacked 1
    true: only under late acknowledgement the running job has a message still
    both workers are killed, and start again
    early: TL-2 was reserved; it began ... s after the dead worker took it
    late: TL-1 was running; it began again ... s after the dead worker took it
    verdict                    early    late
    sent                           3       3
    started                        3       3
    finished                       2       3
    lost                           1       0
    started twice or more          0       1
    finished twice or more         0       0
      early, lost: TL-1 (...)
      late, started twice or more: TL-1 (...)
    the state of the lost job is STARTED
    true: early: the job that ran is lost, and only that one
    true: late: no job is lost, and the one that ran has begun twice
    true: no message came back before its 10 s were over
    true: both came back in less than 30 s
    with Celery's own values: 3600 s, and up to 100 s more

Try next.  Guess first:
  1. Set VISIBILITY_S to 5.  When do the two come back?
  2. Give the early one task.acks_late=True as well.  Which sentence does not come true any more?
  3. Set JOB_S to 12, which is longer than VISIBILITY_S.  Which job is now done again and again,
     and which is never begun?  (The lesson gives up after 60 s.)
"""

import time
from dataclasses import replace
from math import inf
from typing import Any

import redis
from kombu.transport.redis import Channel

from labkit.broker.queues import find_unacked, lengths, unacked_by_queue
from labkit.broker.quiet import wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.lesson.verdict import show_verdicts, verdict_now
from labkit.own.broker import looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.workers import WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import print_ticket
from work.ledger import Ledger

JOB_S = 3  # long enough to be killed in
VISIBILITY_S = 10  # longer than the longest job, or late jobs run twice (lesson 32)
BACK_S = 30  # 10 s, a look each second, and the start of a worker; the rest is for a busy machine
TIMEOUT_S = 60  # a run takes 25 s; the rest is room for a busy machine
ORDERS = ["TL-1", "TL-2", "TL-3"]
QUEUES = EARLY, LATE = "lesson30.early", "lesson30.late"
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=1", "--prefetch-multiplier=1"]
# What both have, and the one setting that only one has.  On a task: @app.task(acks_late=True).
SETTINGS = {
    EARLY: [transport_setting(TRANSPORT)],
    LATE: [transport_setting(TRANSPORT), "task.acks_late=True"],
}


def main() -> None:
    with (
        own_ledgers("lesson30", "early", "late") as (early, late),
        own_broker("lesson30") as broker,
        broker.client() as client,
        broker.app(**TRANSPORT) as shop,
    ):
        lines = [
            WorkerLine(queue.replace(".", "-"), [queue], OPTIONS, settings, broker.environment())
            for queue, settings in SETTINGS.items()
        ]
        with workers_of(lines) as workers:
            ids = {
                queue: {
                    order: shop.send_task(print_ticket.name, (run, order, JOB_S), queue=queue).id
                    for order in ORDERS
                }
                for queue, run in ((EARLY, early.run), (LATE, late.run))
            }
            look(client, early, late)
            reserved_at = taken_at(client, ids[EARLY]["TL-2"])
            running_at = taken_at(client, ids[LATE]["TL-1"])
            for worker in workers:
                worker.kill()
            killed_at = time.time()
            print("both workers are killed, and start again")
        with workers_of([replace(line, show=False) for line in lines]):
            wait_until_quiet([client], QUEUES, TIMEOUT_S)
        # The workers have ended, and finished first what they were doing.
        reserved_s = next_start(early, "TL-2", killed_at) - reserved_at
        running_s = next_start(late, "TL-1", killed_at) - running_at
        verdicts = {
            name: verdict_now(client, QUEUES, ids[queue], ledger)
            for name, queue, ledger in (("early", EARLY, early), ("late", LATE, late))
        }
        state = shop.AsyncResult(ids[EARLY]["TL-1"]).state
    for what, began, seconds in (
        ("early: TL-2 was reserved; it", "began", reserved_s),
        ("late: TL-1 was running; it", "began again", running_s),
    ):
        after = f"{began} {seconds:.1f} s after the dead worker took it"
        print(what, after if seconds < inf else f"never {began}")
    show_verdicts(verdicts)
    print("the state of the lost job is", state)
    claim(
        verdicts["early"].lost == ["TL-1"] and not verdicts["early"].started_twice,
        "early: the job that ran is lost, and only that one",
    )
    claim(
        verdicts["late"].finished == ORDERS and verdicts["late"].started_twice == ["TL-1"],
        "late: no job is lost, and the one that ran has begun twice",
    )
    claim(
        min(reserved_s, running_s) >= VISIBILITY_S,
        f"no message came back before its {VISIBILITY_S} s were over",
    )
    claim(max(reserved_s, running_s) < BACK_S, f"both came back in less than {BACK_S} s")
    celery: Any = Channel
    look_s = celery.unacked_restore_interval * celery.unacked_restore_throttle
    print(f"with Celery's own values: {celery.visibility_timeout} s, and up to {look_s} s more")


def look(client: redis.Redis, early: Ledger, late: Ledger) -> None:
    """Wait until both workers are in the middle of TL-1, and show where the messages are."""

    def places() -> dict[str, tuple[int, int]]:
        waiting, taken = lengths(client, QUEUES), unacked_by_queue(client) or {}
        return {queue: (sum(waiting[queue].values()), taken.get(queue, 0)) for queue in QUEUES}

    def both_run() -> bool:
        begun = early.find("START", "TL-1") and late.find("START", "TL-1")
        return bool(begun) and places() == {EARLY: (1, 1), LATE: (2, 1)}

    as_expected = wait_until(both_run, JOB_S)
    print("both work on TL-1, and Redis holds:")
    for queue, (waiting, taken) in places().items():
        print(f"  {queue:<15} queued {waiting}, unacked {taken}")
    claim(as_expected, "only under late acknowledgement the running job has a message still")


def taken_at(client: redis.Redis, task_id: str) -> float:
    """When a worker took a message (seconds since 1970); inf if no worker holds it."""
    found = find_unacked(client, task_id).found
    return found.taken_at if found else inf


def next_start(ledger: Ledger, order: str, after: float) -> float:
    """When work on an order began next after a moment (seconds since 1970); inf if it did not."""
    starts = (
        entry.time for entry in ledger.entries() if (entry.event, entry.job) == ("START", order)
    )
    return min((moment for moment in starts if moment > after), default=inf)


if __name__ == "__main__":
    run_lesson(main, queues=[])
