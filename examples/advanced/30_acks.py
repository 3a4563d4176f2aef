"""Acknowledgement: kill a worker, and see which of its jobs is lost and which comes back.

A worker acknowledges a message: it tells the broker that the message may be forgotten.  By default
that comes early, when a process of the pool has the task.  With acks_late it comes after the task.
The difference is what is left when the worker dies in between.

Two workers with one slot each get three jobs of 3 s: one worker gets tasks that are acknowledged
early, the other one the same tasks with acks_late=True.  While both work on the first one, both are
killed (kill -9, with their pools), as by a power cut.  Then two new workers start.  Nobody tells
them what the dead ones held.  A worker looks now and then for messages that were taken longer ago
than visibility_timeout and never acknowledged, and puts them back into their queue.

Here visibility_timeout is 10 s, and that look comes every second.  With Celery's own values it
comes about every 100 s, for messages of more than an hour.  The broker is this lesson's own.

The tasks are `print_ticket` and `print_ticket_late` in tasks/advanced_tasks/delivery.py.

    ./lab run 30        # about 22 s

Watch: `tail -f .lab/files/ledgers/lesson30*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson30-early@%h ... -- 'broker.transport_options=...
    $ ./start_worker.sh -n lesson30-late@%h ... -- 'broker.transport_options=...
    both work on TL-1, and Redis holds
    queue           queued  unacked
    lesson30.early  1       1
    lesson30.late   2       1
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
    true: each message came back after 10 s, and before 30 s

Try next.  Guess first:
  1. Set VISIBILITY_S to 5.  When do the two come back?
  2. Make the early one late as well: "early": print_ticket_late in TASKS.  Which line that begins
     with true: does not come any more?
  3. Set JOB_S to 12, which is longer than VISIBILITY_S.  Which job is now done again and again,
     and which is never begun?  (The lesson gives up after 60 s.)
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from labkit.own.broker import looking_every_second, own_broker
from tasks.advanced_tasks import print_ticket, print_ticket_late

TASKS = {"early": print_ticket, "late": print_ticket_late}  # the second has acks_late=True
ORDERS = ["TL-1", "TL-2", "TL-3"]
JOB_S = 3  # long enough to be killed in
VISIBILITY_S = 10  # longer than the longest job, or late jobs run twice (lesson 32)
BACK_S = 30  # 10 s, a look each second, and the start of a worker; the rest is for a busy machine
GIVE_UP_S = 60  # a run takes 22 s; the rest is room for a busy machine
OPTIONS = ["--concurrency=1", "--prefetch-multiplier=1"]  # one job runs, one message is held
TRANSPORT = looking_every_second(VISIBILITY_S)


def main() -> None:
    with (
        own_broker("lesson30") as broker,
        trial("lesson30", list(TASKS), *OPTIONS, TRANSPORT, broker=broker) as setups,
    ):
        for one in setups:  # a worker, a queue and a ledger each
            for order in ORDERS:
                one.send(TASKS[one.name], order, JOB_S)
        setups.wait_until_begun("TL-1")
        setups.wait_until_settled()

        # The early worker has acknowledged TL-1 and holds TL-2 in reserve.  The late one still
        # holds TL-1.  So only one of the two running jobs has a message.
        print("both work on TL-1, and Redis holds")
        table(
            *("queue", "queued", "unacked"),
            rows=[(one.queue, one.queued(), one.unacked()) for one in setups],
        )
        early, late = setups
        reserved_at, running_at = early.taken_at("TL-2"), late.taken_at("TL-1")

        # The workers that start now learn nothing of the dead ones.  All that they see is the age
        # of what lies in `unacked`.
        killed_at = setups.kill()
        print("both workers are killed, and start again")
        setups.start()
        setups.wait_until_quiet(GIVE_UP_S)

    reserved_s = early.when("START", "TL-2", after=killed_at) - reserved_at
    running_s = late.when("START", "TL-1", after=killed_at) - running_at
    print(f"early: TL-2 was reserved; it began {reserved_s:.1f} s after the dead worker took it")
    print(f"late: TL-1 was running; it began again {running_s:.1f} s after the dead worker took it")
    setups.show_verdicts()

    # Nobody reports the death of a lost job, so its state stays what it was.
    print("the state of the lost job is", early.state("TL-1"))
    claim(early.verdict().lost == ["TL-1"], "early: the job that ran is lost, and only that one")
    claim(
        not late.verdict().lost and late.runs("TL-1") == 2,
        "late: no job is lost, and the one that ran has begun twice",
    )
    claim(
        min(reserved_s, running_s) >= VISIBILITY_S and max(reserved_s, running_s) < BACK_S,
        f"each message came back after {VISIBILITY_S} s, and before {BACK_S} s",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
