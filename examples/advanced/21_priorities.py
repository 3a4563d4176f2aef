"""Priorities: let an urgent message overtake others in the same queue, as far as it can.

`apply_async(..., priority=0)` asks for the first place.  On Redis 0 goes first and 9 last, and a
message that names no priority has 0.  Many notes say that 9 is high: that is right on RabbitMQ and
wrong here.  Redis itself knows no priorities.  Celery keeps four lists for a queue (for 0 to 2,
3 to 5, 6 to 8, and 9), and a worker looks into them in this order.

An urgent message overtakes what still lies in these lists, and nothing else: what a worker has
taken ahead stays in front of it.  So four workers with four settings get the same: nine tasks that
can wait, and then, while they are busy with the first one, a refund.  Each worker has one slot.
It takes 4 messages ahead by default, 1 with --prefetch-multiplier=1 (with late acknowledgement the
running one counts as that one), and none with --disable-prefetch.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 21        # about 7 s

Watch: http://localhost:5555/tasks lists what the four workers do.

You should see:

    ten reports sent, with the priorities 9 8 7 6 5 4 3 2 1 0 in this order
    list in Redis           holds
    lesson21.four           2 1 0
    lesson21.four\\x06\\x163  5 4 3
    lesson21.four\\x06\\x166  8 7 6
    lesson21.four\\x06\\x169  9
    $ ./start_worker.sh -n lesson21-four@%h --queues=lesson21.four --concurrency=1 --prefetch-m...
    $ ./start_worker.sh -n lesson21-one@%h --queues=lesson21.one --concurrency=1 --prefetch-mul...
    $ ./start_worker.sh -n lesson21-late@%h --queues=lesson21.late --concurrency=1 --prefetch-m...
    $ ./start_worker.sh -n lesson21-none@%h --queues=lesson21.none --concurrency=1 --disable-pr...
    the reports ran in the order 2 1 0 5 4 3 8 7 6 9
    true: 0 goes first on Redis, 9 last; inside a list the oldest goes first
    setting                                      low-priority tasks before the high one
    --prefetch-multiplier=4                      5
    --prefetch-multiplier=1                      2
    --prefetch-multiplier=1 task.acks_late=True  1
    --disable-prefetch                           1
    true: the refund overtook what lay in Redis, and nothing that a worker had taken

Try next.  Guess first:
  1. Send the refund without a priority.  Does the table change?
  2. Set LOW to 2.  Does the refund overtake anybody?
  3. Set TASKS to 4.  In which row is there nothing left to overtake?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from tasks.advanced_tasks import get_approval, refund_seats, report_sales

HIGH, LOW = 0, 9
SETTINGS = {
    "four": ["--prefetch-multiplier=4"],  # Celery's default
    "one": ["--prefetch-multiplier=1"],
    "late": ["--prefetch-multiplier=1", "task.acks_late=True"],
    "none": ["--disable-prefetch"],
}
TASKS = 9  # more than the first worker takes, so that something is left to overtake


def main() -> None:
    with trial("lesson21", SETTINGS, "--concurrency=1", start=False) as setups:
        four = setups["four"]
        for priority in range(9, -1, -1):
            four.send(report_sales, f"OSL-{priority}", priority=priority)
        print("ten reports sent, with the priorities 9 8 7 6 5 4 3 2 1 0 in this order")

        # No worker has started yet, so we can look where the messages lie: each of the four lists
        # is a key of its own, and its name holds two bytes that nobody can type.  So the length of
        # one key is not the length of the queue.
        table("list in Redis", "holds", rows=four.lists().items())

        # One slot does one task after the other, so the order of their ends is that of the lists.
        setups.start()
        setups.wait_until_done()
        order = [job.removeprefix("OSL-") for job in four.done()]
        print("the reports ran in the order", *order)
        claim(
            "".join(order) == "2105438769",
            "0 goes first on Redis, 9 last; inside a list the oldest goes first",
        )

        # The first task keeps the slot busy until a colleague approves it.  Meanwhile each worker
        # takes ahead what its setting allows, and only then the urgent one comes.
        for one in setups:
            one.send(get_approval, "LOW-0", priority=LOW)
            for number in range(1, TASKS):
                one.send(report_sales, f"LOW-{number}", priority=LOW)
        setups.wait_until_begun("LOW-0")
        setups.wait_until_settled()
        for one in setups:
            run, queue = one.ledger.run, one.queue
            # region urgent
            refund = refund_seats.apply_async((run, "HIGH-1"), queue=queue, priority=HIGH)
            # endregion
            one.results["HIGH-1"] = refund
            one.ledger.note("APPROVED", "LOW-0")
        setups.wait_until_done()

    before = [one.done().index("HIGH-1") - one.done().index("LOW-0") for one in setups]
    table(
        *("setting", "low-priority tasks before the high one"),
        rows=zip(map(" ".join, SETTINGS.values()), before, strict=True),
    )
    claim(
        before == [5, 2, 1, 1],
        "the refund overtook what lay in Redis, and nothing that a worker had taken",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
