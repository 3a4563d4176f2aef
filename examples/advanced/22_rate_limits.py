"""Rate limits: slow a task down, and know for whom the limit counts.

The airline accepts one confirmation a second.  `rate_limit="1/s"` looks like the answer, but each
worker counts for itself: two workers make 2 a second.  Celery has no limit for all workers together
(lesson 60 builds one).  The limit of a running worker can be changed; only what that worker has
taken ahead already keeps the old one.

There is a trap.  Messages that may not start yet wait inside the worker, and the worker sets a
timer for each message that comes and has to wait.  These timers stay as long as any message waits.
The worker looks at ten of them in a round, and a round in which nothing else happens takes a
second.  So with a backlog a high limit becomes about 1 a second.  Here two more workers have a
limit of 20 a second, and 90 messages each: one takes 4 messages ahead, the other takes 1.

The task is `confirm_seats` in tasks/advanced_tasks/limits.py.

    ./lab run 22        # about 11 s

Watch: http://localhost:5555/workers shows four workers; one of the last two is far behind.

You should see:

    $ ./start_worker.sh -n lesson22a@%h --queues=lesson22 --concurrency=1 --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson22b@%h --queues=lesson22 --concurrency=1 --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson22-four@%h --queues=lesson22.four --concurrency=1 --prefetch-m...
    $ ./start_worker.sh -n lesson22-one@%h --queues=lesson22.one --concurrency=1 --prefetch-mul...
    lesson22a@...: its fourth task began ... s after its first
    lesson22b@...: its fourth task began ... s after its first
    true: each worker kept to 1 a second, so together they made about 2
    $ celery -A celery_app control rate_limit tasks.advanced_tasks.limits.confirm_seats 10/s -d...
    ->  lesson22...: OK
            new rate limit set successfully
    ->  lesson22...: OK
            new rate limit set successfully
    ... more tasks took ... s; at 2 a second they take ... s
    true: the new limit counts without a restart
    begun in 6 s, of 90 messages, where 20 a second may begin:
      1 message ahead                      90
      4 messages ahead: Celery's default   ...
    true: with 1 message ahead all of them
    true: with 4 ahead less than three quarters of them

Try next.  Guess first:
  1. Take lesson22b out of LINES, and b out of main().  How many a second are there now?
  2. Set BACKLOG to 30.  Which of the last two claims does not hold any more?
  3. Change "10/s" to 0.  Is 0 "never", or "no limit"?
"""

import json
import time

from labkit.lesson import claim, run_lesson
from labkit.own.command import celery
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import confirm_seats
from work.ledger import Ledger

TOGETHER, FOUR, ONE = "lesson22", "lesson22.four", "lesson22.one"
FAST = f"task.annotations=(dict){json.dumps({confirm_seats.name: {'rate_limit': '20/s'}})}"
ONE_SLOT = ["--concurrency=1"]
LINES = [
    WorkerLine("lesson22a", [TOGETHER], [*ONE_SLOT, "--prefetch-multiplier=1"]),
    WorkerLine("lesson22b", [TOGETHER], [*ONE_SLOT, "--prefetch-multiplier=1"]),
    WorkerLine("lesson22-four", [FOUR], [*ONE_SLOT, "--prefetch-multiplier=4"], [FAST]),
    WorkerLine("lesson22-one", [ONE], [*ONE_SLOT, "--prefetch-multiplier=1"], [FAST]),
]
MESSAGES = 16  # for a and b: 8 of them show the limit
MORE = 18  # for a and b, under the new limit
BACKLOG = 90  # at 20/s the work of 4.5 s
WINDOW_S = 6  # more than that
TIMEOUT_S = 40  # nothing here takes 10 s; the rest is room for a busy machine


def main() -> None:
    with (
        own_ledgers("lesson22", "together", "four", "one") as (together, four, one),
        own_queues(TOGETHER, FOUR, ONE),
    ):
        send(four, FOUR, BACKLOG)
        send(one, ONE, BACKLOG)
        with workers_of(LINES) as (a, b, *_):
            send(together, TOGETHER, MESSAGES)
            each_for_itself(together, a, b)
            change_the_limit(together, a, b)
            backlog(four, one)


def send(ledger: Ledger, queue: str, count: int) -> None:
    for number in range(count):
        confirm_seats.apply_async((ledger.run, f"OSL-{number}"), queue=queue, ignore_result=True)


def each_for_itself(ledger: Ledger, *workers: Worker) -> None:
    """Measure four starts in each worker.  A worker and its pool are one process group."""

    def of(worker: Worker) -> list[float]:
        pid = worker.process.pid
        return [
            entry.time for entry in ledger.entries() if (entry.event, entry.group) == ("START", pid)
        ]

    wait_until(lambda: all(len(of(worker)) >= 4 for worker in workers), TIMEOUT_S)
    rates = []
    for worker in workers:
        first, *_, fourth = of(worker)[:4]
        rates.append(3 / (fourth - first))
        print(f"{worker.name}: its fourth task began {fourth - first:.2f} s after its first")
    claim(
        max(rates) < 1.3 and 1.4 < sum(rates) < 2.6,
        "each worker kept to 1 a second, so together they made about 2",
    )


def change_the_limit(ledger: Ledger, *workers: Worker) -> None:
    names = ",".join(worker.name for worker in workers)
    celery("control", "rate_limit", confirm_seats.name, "10/s", "-d", names).show()
    start = time.time()
    left = MESSAGES + MORE - len(starts(ledger))
    send(ledger, TOGETHER, MORE)
    wait_until(lambda: len(starts(ledger)) == MESSAGES + MORE, TIMEOUT_S)
    took_s = time.time() - start
    print(f"{left} more tasks took {took_s:.1f} s; at 2 a second they take {left / 2} s")
    claim(took_s < left / 4, "the new limit counts without a restart")


def backlog(four: Ledger, one: Ledger) -> None:
    wait_until(lambda: time.time() > max(starts(four)[0], starts(one)[0]) + WINDOW_S, TIMEOUT_S)
    done = {
        ledger: sum(start < starts(ledger)[0] + WINDOW_S for start in starts(ledger))
        for ledger in (one, four)
    }
    print(f"begun in {WINDOW_S} s, of {BACKLOG} messages, where 20 a second may begin:")
    print(f"  1 message ahead                      {done[one]}")
    print(f"  4 messages ahead: Celery's default   {done[four]}")
    claim(done[one] == BACKLOG, "with 1 message ahead all of them")
    claim(done[four] < 0.75 * BACKLOG, "with 4 ahead less than three quarters of them")


def starts(ledger: Ledger) -> list[float]:
    """When each task began, in seconds since 1970."""
    return [entry.time for entry in ledger.entries() if entry.event == "START"]


if __name__ == "__main__":
    run_lesson(main, queues=[])
