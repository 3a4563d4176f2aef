"""Rate limits: slow a task down, and know for whom the limit counts.

The airline accepts one confirmation a second.  `rate_limit="1/s"` looks like the answer, but each
worker counts for itself: two workers make 2 a second.  Celery has no limit for all workers together
(lesson 60 builds one).  The limit of a running worker can be changed; only what that worker has
taken ahead already keeps the old one.

There is a trap.  Messages that may not start yet wait inside the worker, and the worker sets a
timer for each message that comes and has to wait.  These timers stay as long as any message waits.
The worker looks at ten of them in a round, and a round in which nothing else happens takes a
second.  So with a backlog a high limit becomes about 1 a second.  Here two more workers have a
limit of 20 a second, and 90 messages each: one takes 1 message ahead, the other takes 4, which is
Celery's default.

The task is `confirm_seats` in tasks/advanced_tasks/limits.py.

    ./lab run 22        # about 13 s

Watch: http://localhost:5555/workers shows four workers; one of the first two is far behind.

You should see:

    $ ./start_worker.sh -n lesson22-ahead1@%h --queues=lesson22.ahead1 --concurrency=1 ...
    $ ./start_worker.sh -n lesson22-ahead4@%h --queues=lesson22.ahead4 --concurrency=1 ...
    $ ./start_worker.sh -n lesson22a@%h --queues=lesson22 --concurrency=1 --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson22b@%h --queues=lesson22 --concurrency=1 --prefetch-multiplier=1
    worker     from its first task to its fourth
    lesson22a  ... s
    lesson22b  ... s
    true: each worker kept to 1 a second, so together they made about 2
    $ celery -A celery_app control rate_limit tasks.advanced_tasks.limits.confirm_seats 10/s -d...
    ->  lesson22...: OK
            new rate limit set successfully
    ->  lesson22...: OK
            new rate limit set successfully
    the ... tasks left took ... s; at 2 a second they take ... s
    true: the new limit counts without a restart
    begun in 6 s, of 90 messages, where 20 a second may begin:
    --prefetch-multiplier=1  90
    --prefetch-multiplier=4  ...
    true: with 1 message ahead all of them
    true: with 4 ahead less than three quarters of them

Try next.  Guess first:
  1. Take "lesson22b" out of WORKERS.  How many a second are there now?
  2. Set BACKLOG to 30.  Which of the last two claims does not hold any more?
  3. Change "10/s" to 0.  Is 0 "never", or "no limit"?
"""

import json
import time

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.by_worker import began_at
from labkit.lesson.trial import trial
from labkit.own.command import celery
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import own_workers
from labkit.waiting import wait_until
from tasks.advanced_tasks import confirm_seats

QUEUE = "lesson22"
WORKERS = ["lesson22a", "lesson22b"]
AHEAD = {
    "ahead1": ["--prefetch-multiplier=1"],
    "ahead4": ["--prefetch-multiplier=4"],  # Celery's default
}
# In a project of your own a task has it: @app.task(rate_limit="20/s").
FAST = f"task.annotations=(dict){json.dumps({confirm_seats.name: {'rate_limit': '20/s'}})}"
MESSAGES = 50  # 8 of them show the limit of two workers, the others a new limit
BACKLOG = 90  # at 20/s the work of 4.5 s
WINDOW_S = 6  # more than that
TIMEOUT_S = 40  # nothing here takes 10 s; the rest is room for a busy machine


def main() -> None:
    with (
        own_ledgers("lesson22", "together") as (ledger,),
        own_queues(QUEUE),
        trial("lesson22", AHEAD, "--concurrency=1", FAST) as setups,
        own_workers(WORKERS, [QUEUE], "--concurrency=1", "--prefetch-multiplier=1") as workers,
    ):
        # The two workers of the trial get a backlog each.  They work on it while we look at the
        # other two, which share a queue, and go by the limit in the code: 1/s.  Nobody asks for the
        # results of the many: to store them is work that has nothing to do with the limit.
        for one in setups:
            for number in range(BACKLOG):
                one.send(confirm_seats, f"OSL-{number}", ignore_result=True)
        for number in range(MESSAGES):
            confirm_seats.apply_async((ledger.run, f"OSL-{number}"), queue=QUEUE)

        # Each worker counts for itself, and does not know of the other one.
        wait_until(lambda: all(len(began_at(ledger, one)) >= 4 for one in workers), TIMEOUT_S)
        firsts = [began_at(ledger, one) for one in workers]
        took_s = [began[3] - began[0] for began in firsts]
        rows = [(name, f"{one:.2f} s") for name, one in zip(WORKERS, took_s, strict=True)]
        table("worker", "from its first task to its fourth", rows=rows)
        rates = [3 / one for one in took_s]
        claim(
            max(rates) < 1.3 and 1.4 < sum(rates) < 2.6,
            "each worker kept to 1 a second, so together they made about 2",
        )

        # A running worker can be told another limit.  It counts for what is taken from then on.
        left, start = MESSAGES - len(began_at(ledger)), time.monotonic()
        names = ",".join(one.name for one in workers)
        celery("control", "rate_limit", confirm_seats.name, "10/s", "-d", names).show()
        wait_until(lambda: len(began_at(ledger)) == MESSAGES, TIMEOUT_S)
        left_s = time.monotonic() - start
        print(f"the {left} tasks left took {left_s:.1f} s; at 2 a second they take {left / 2} s")
        claim(left_s < left / 4, "the new limit counts without a restart")

        setups.wait_until_worked_for(WINDOW_S)

    # Both have a limit of 20/s.  What differs is how many messages they hold back inside.
    begun = {one.name: one.runs_within(WINDOW_S) for one in setups}
    print(f"begun in {WINDOW_S} s, of {BACKLOG} messages, where 20 a second may begin:")
    table(rows=[(*AHEAD[name], number) for name, number in begun.items()])
    claim(begun["ahead1"] == BACKLOG, "with 1 message ahead all of them")
    claim(begun["ahead4"] < 0.75 * BACKLOG, "with 4 ahead less than three quarters of them")


if __name__ == "__main__":
    run_lesson(main, queues=[])
