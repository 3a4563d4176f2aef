"""ETA limit: fill a worker's memory with tasks that wait for their time, and bound that.

A worker takes a task with a countdown at once, and holds it in its memory until it is due.  Such
tasks do not count as taken ahead (lesson 34): no prefetch setting bounds them.  A million of them
is a million messages in the memory of one worker, and none of them left for the others.

worker_eta_task_limit bounds how many a worker may hold, and it has a trap: a worker that holds so
many takes nothing else from its queue, although it has nothing to do.

Three workers get eight tasks that are due in 6 s, and then one without a countdown.  The last
column counts how many tasks began before that one.  The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 35        # about 13 s

Watch: http://localhost:5555/tasks shows as RECEIVED, with its ETA, what waits in a worker.

You should see:

    $ ./start_worker.sh -n lesson35-one@%h --queues=lesson35.one ... --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson35-none@%h ... --disable-prefetch
    $ ./start_worker.sh -n lesson35-limit@%h ... -- worker.eta_task_limit=3
    eight tasks due in 6 s, then one without         taken  queued  before it
    --prefetch-multiplier=1                          8      0       0
    --disable-prefetch                               8      0       0
    --prefetch-multiplier=1 worker.eta_task_limit=3  3      6       ...
    true: at its limit a worker with nothing to do began nothing before the tasks that it held

Try next.  Guess first:
  1. Set LIMIT to 8.  When does the task without a countdown begin now?
  2. Set the multiplier of `limit` to 4, with LIMIT 3.  How many does it hold, 3 or 4?
  3. Set LIMIT to 0.  How many does the worker hold then?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from tasks.advanced_tasks import refund_seats, report_sales

LIMIT = 3  # tasks with a countdown
SETTINGS = {
    "one": ["--prefetch-multiplier=1"],
    "none": ["--disable-prefetch"],
    "limit": ["--prefetch-multiplier=1", f"worker.eta_task_limit={LIMIT}"],
}
DUE_JOBS = [f"DUE-{number}" for number in range(1, 9)]
DUE_S = 6  # longer than workers need to take what they take


def main() -> None:
    with trial("lesson35", SETTINGS, "--concurrency=1") as setups:
        for one in setups:
            for job in DUE_JOBS:
                one.send(report_sales, job, countdown=DUE_S)
            one.send(refund_seats, "NOW-1")  # it could begin at once: the slot is free
        # Nothing is due yet, so whatever has left a queue by now is in a worker's memory.
        setups.wait_until_settled()
        places = {one.name: (one.unacked(), one.queued()) for one in setups}
        setups.wait_until_done()

    # The third worker did not even look at it.  It asks for the next message when one of those that
    # it holds has begun.
    begun_before = {
        one.name: [entry.job for entry in one.entries("START")].index("NOW-1") for one in setups
    }
    table(
        f"eight tasks due in {DUE_S} s, then one without",
        *("taken", "queued", "before it"),
        rows=[
            (" ".join(words), *places[name], begun_before[name]) for name, words in SETTINGS.items()
        ],
    )
    claim(
        begun_before["limit"] >= LIMIT,
        "at its limit a worker with nothing to do began nothing before the tasks that it held",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
