"""Prefetch: see a worker keep messages that another one could do, and set how many it takes ahead.

A worker takes messages before it has a free slot, so that it need not wait for the next one: 4 for
each slot, if you set nothing.  That is good for short tasks.  But what a worker has taken, no other
worker can do.  If a long task is in front, the messages behind it wait, and a worker that you start
to help does not get them.

Four workers with four settings get the same: one long job, and eight short ones behind it.  While
all four are busy with the long job, a new worker comes and takes what is left in the four queues.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 34        # about 8 s

Watch: http://localhost:5555/tasks shows as RECEIVED what a worker has taken and not begun.

You should see:

    $ ./start_worker.sh -n lesson34-four@%h --queues=lesson34.four ... --prefetch-multiplier=4
    $ ./start_worker.sh -n lesson34-one@%h --queues=lesson34.one ... --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson34-late@%h ... --prefetch-multiplier=1 -- task.acks_late=True
    $ ./start_worker.sh -n lesson34-none@%h --queues=lesson34.none ... --disable-prefetch
    four workers have a long job each; a new worker comes
    $ ./start_worker.sh -n lesson34-new@%h ...
    of eight short jobs, with                    taken ahead  done by the new worker
    --prefetch-multiplier=4                      4            4
    --prefetch-multiplier=1                      1            7
    --prefetch-multiplier=1 task.acks_late=True  0            8
    --disable-prefetch                           0            8
    true: what was taken ahead waited for the end of the long job, beside an idle worker

Try next.  Guess first:
  1. Give `four` the option --prefetch-multiplier=2.  How many of the eight does the new worker do
     now?
  2. Give `none` the option of `four` as well.  Which of the two wins?
  3. Give `four` the option --prefetch-multiplier=0.  As a setting, 0 means "no limit".  How many
     does the new worker do now?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from labkit.own.workers import own_worker
from tasks.advanced_tasks import get_approval, report_sales

SETTINGS = {
    "four": ["--prefetch-multiplier=4"],  # what Celery does if nothing is set
    "one": ["--prefetch-multiplier=1"],
    "late": ["--prefetch-multiplier=1", "task.acks_late=True"],
    "none": ["--disable-prefetch"],
}
SLOT = "--concurrency=1"
SHORT_JOBS = [f"SHORT-{number}" for number in range(1, 9)]


def main() -> None:
    with trial("lesson34", SETTINGS, SLOT) as setups:
        for one in setups:
            one.send(get_approval, "LONG-1")  # it runs until the lesson approves it
            for job in SHORT_JOBS:
                one.send(report_sales, job)
        setups.wait_until_begun("LONG-1")
        setups.wait_until_settled()

        # Each worker has taken what its setting allows.  The new one gets the rest, and only that:
        # what a worker holds in its memory is in no queue any more.
        print("four workers have a long job each; a new worker comes")
        in_queues = sum(one.queued() for one in setups)
        with own_worker("lesson34-new", setups.queues, SLOT) as new:
            setups.wait_until(
                lambda: sum(len(one.done()) for one in setups) == in_queues,
                "the end of what the new worker took",
            )
            # From here on the new worker has nothing to do.  It stays, and could help.
            for one in setups:
                one.ledger.note("APPROVED", "LONG-1")
            setups.wait_until_done()
        helped = {one.name: one.done(by=new) for one in setups}

    # A short job takes no time.  Behind the long one it took as long as the long one.
    taken_ahead = {name: set(SHORT_JOBS).difference(jobs) for name, jobs in helped.items()}
    table(
        *("of eight short jobs, with", "taken ahead", "done by the new worker"),
        rows=[
            (" ".join(words), len(taken_ahead[name]), len(helped[name]))
            for name, words in SETTINGS.items()
        ],
    )
    claim(
        all(
            one.when("END", job) > one.when("END", "LONG-1")
            for one in setups
            for job in taken_ahead[one.name]
        ),
        "what was taken ahead waited for the end of the long job, beside an idle worker",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
