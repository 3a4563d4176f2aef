"""Priorities: let an urgent message overtake others in the same queue, as far as it can.

`apply_async(..., priority=0)` asks for the first place.  On Redis 0 goes first and 9 last, and a
message that names no priority has 0.  Many notes say that 9 is high: that is right on RabbitMQ and
wrong here.  Redis itself knows no priorities.  Celery keeps four lists for a queue (for 0 to 2,
3 to 5, 6 to 8, and 9), and a worker looks into them in this order.

An urgent message overtakes what still lies in these lists, and nothing else: what a worker has
taken ahead stays in front of it.  So four workers with four settings get the same: nine tasks that
can wait, and then, while they are busy with the first one, a refund.  Each worker has one slot.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 21        # about 6 s

Watch: http://localhost:5555/tasks lists what the four workers do.

You should see:

    ten reports sent, with the priorities 9 8 7 6 5 4 3 2 1 0 in this order
      the list 'lesson21.four' holds 2 1 0
      the list 'lesson21.four\\x06\\x163' holds 5 4 3
      the list 'lesson21.four\\x06\\x166' holds 8 7 6
      the list 'lesson21.four\\x06\\x169' holds 9
    $ ./start_worker.sh -n lesson21-four@%h --queues=lesson21.four --concurrency=1 --prefetch-m...
    $ ./start_worker.sh -n lesson21-one@%h --queues=lesson21.one --concurrency=1 --prefetch-mul...
    $ ./start_worker.sh -n lesson21-late@%h --queues=lesson21.late --concurrency=1 --prefetch-m...
    $ ./start_worker.sh -n lesson21-none@%h --queues=lesson21.none --concurrency=1 --disable-pr...
    the reports ran in the order 2 1 0 5 4 3 8 7 6 9
    true: 0 goes first on Redis, 9 last; inside a list the oldest goes first
    setting                                   low-priority tasks before the high one
    4 messages ahead: Celery's default        5
    1 message ahead                           2
    1 message ahead and late acknowledgement  1
    no message ahead: --disable-prefetch      1
    true: the refund overtook what lay in Redis, and nothing that a worker had taken

Try next.  Guess first:
  1. Send the refund without a priority.  Does the table change?
  2. Set LOW to 2.  Does the refund overtake anybody?
  3. Set TASKS to 4.  In which row is there nothing left to overtake?
"""

import redis

from labkit.broker.queues import PRIORITIES, list_name, oldest
from labkit.broker.quiet import messages, wait_until_settled
from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import get_approval, refund_seats, report_sales
from work.ledger import Ledger

HIGH, LOW = 0, 9
# The worker's name -> how it is told, and what that means.
SETTINGS = {
    "four": (["--prefetch-multiplier=4"], [], "4 messages ahead: Celery's default"),
    "one": (["--prefetch-multiplier=1"], [], "1 message ahead"),
    "late": (
        ["--prefetch-multiplier=1"],
        ["task.acks_late=True"],
        "1 message ahead and late acknowledgement",
    ),
    "none": (["--disable-prefetch"], [], "no message ahead: --disable-prefetch"),
}
TASKS = 9
TIMEOUT_S = 20  # nothing here takes 3 s; the rest is room for a busy machine


def main() -> None:
    queues = {name: f"lesson21.{name}" for name in SETTINGS}
    lines = [
        WorkerLine(f"lesson21-{name}", [queues[name]], ["--concurrency=1", *options], settings)
        for name, (options, settings, _) in SETTINGS.items()
    ]
    with (
        own_ledgers("lesson21", "ten", *SETTINGS) as (all_ten, *ledgers),
        own_queues(*queues.values()) as client,
    ):
        send_ten(client, queues["four"], all_ten)
        with workers_of(lines):
            wait_until(lambda: len(done(all_ten)) == 10, TIMEOUT_S)
            order = [booking.removeprefix("OSL-") for booking in done(all_ten)]
            print("the reports ran in the order", *order)
            claim(
                "".join(order) == "2105438769",
                "0 goes first on Redis, 9 last; inside a list the oldest goes first",
            )
            before = tasks_before_refund(client, queues, dict(zip(SETTINGS, ledgers, strict=True)))
    print(f"{'setting':<42}low-priority tasks before the high one")
    for name, (_, _, meaning) in SETTINGS.items():
        print(f"{meaning:<42}{before[name]}")
    claim(
        before == {"four": 5, "one": 2, "late": 1, "none": 1},
        "the refund overtook what lay in Redis, and nothing that a worker had taken",
    )


def send_ten(client: redis.Redis, queue: str, ledger: Ledger) -> None:
    """Send a report with each priority, and show in which list it lies."""
    ten = range(9, -1, -1)
    for priority in ten:
        report_sales.apply_async((ledger.run, f"OSL-{priority}"), queue=queue, priority=priority)
    print("ten reports sent, with the priorities", *ten, "in this order")
    for first in PRIORITIES:
        inside = [message.properties["priority"] for message in oldest(client, queue, 10, first)]
        print(f"  the list {list_name(queue, first)!r} holds", *inside)


def tasks_before_refund(
    client: redis.Redis, queues: dict[str, str], ledgers: dict[str, Ledger]
) -> dict[str, int]:
    """Send low tasks, then a high one, to each queue; return how many low ones ran before it."""
    for name, queue in queues.items():
        for number in range(TASKS):
            # The first one keeps the slot busy until the lesson approves it.
            task = report_sales if number else get_approval
            task.apply_async((ledgers[name].run, f"LOW-{number}"), queue=queue, priority=LOW)
    wait_until(lambda: all(one.find("START", "LOW-0") for one in ledgers.values()), TIMEOUT_S)
    wait_until_settled(client, list(queues.values()), TIMEOUT_S)
    for name, queue in queues.items():
        refund_seats.apply_async((ledgers[name].run, "HIGH-1"), queue=queue, priority=HIGH)
        ledgers[name].note("APPROVED", "LOW-0")
    everything = TASKS + 1
    wait_until(lambda: all(len(done(one)) == everything for one in ledgers.values()), TIMEOUT_S)
    wait_until(lambda: not messages(client, list(queues.values())), TIMEOUT_S)
    return {name: done(ledger).index("HIGH-1") for name, ledger in ledgers.items()}


def done(ledger: Ledger) -> list[str]:
    """The bookings that were worked on, in that order; one slot does one after the other."""
    return [entry.job for entry in ledger.entries() if entry.event == "END"]


if __name__ == "__main__":
    run_lesson(main, queues=[])
