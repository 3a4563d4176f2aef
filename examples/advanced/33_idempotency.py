"""Idempotency: let messages come twice, and charge each card once.

No queue can promise that a task runs exactly once.  A worker can die between the work and its
acknowledgement, and nobody can know which of the two was the last thing it did.  So there are two
promises to choose from: at most once (early acknowledgement, jobs get lost), and at least once
(late acknowledgement, jobs come twice).  With the second one the work itself must see to it that a
second time does no harm.  That is called idempotent.

A worker gets 200 orders for each of two tasks.  It is killed (kill -9) 5 times in the middle of
its work, and each time another one starts.  The visibility_timeout of 2 s is too short on purpose,
because a worker takes all 400 messages in advance.  One task charges the card whenever it is asked
to.  The other one first writes an idempotency key, "pay for TL-7".  The key and the charge stand in
one database, and one transaction writes both: so there is no moment in which one of the two is
there alone.

The tasks are `charge_order` and `charge_order_carelessly` in tasks/advanced_tasks/delivery.py; the
database is in work/orders/charges.py.

    ./lab run 33        # about 18 s

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson33*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson33@%h --queues=lesson33 ... task.acks_late=True
    the worker was killed 5 times
    verdict                   careless     key
    sent                           200     200
    started                       ...
    finished                      ...
    lost                          ...
    started twice or more         ...
    finished twice or more        ...
    charged twice or more         ...       0
    careless: ... charges for ... orders; the most for one order: ...
    key: ... charges for ... orders; the most for one order: 1
    true: both: orders were worked on twice or more, from their beginning to their end
    true: careless: cards were charged twice or more
    true: key: no card was charged twice, and each order that was finished was charged

The numbers differ from run to run.  Look at `lost`: it is often 1 to 4, though messages are
acknowledged late.  Redis gives a message away in one step, and in a second one it is noted that it
is unacked; a kill between the two loses it.  So this lesson promises that no card is charged twice.
It does not promise that each order is done.  For that somebody must look which orders have no
charge, and send them again; with the key this does no harm.

Try next.  Guess first:
  1. Set VISIBILITY_S to 60 and KILLS to 0.  Which sentence does not come true any more?
  2. In charge_order, make the key from self.request.id, the task's id.  Is a card charged twice
     now?  Which mistake of a caller would that key not notice?
  3. In charge_order, make the key from self.request.hostname and time.time().  What is it worth?
"""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from lab_home import LAB_FILES
from labkit.broker.queues import needle
from labkit.broker.quiet import jobs_in_messages
from labkit.lesson import claim, run_lesson
from labkit.lesson.verdict import show_verdicts, verdict_on
from labkit.own.broker import OwnBroker, looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.own.workers import own_worker
from tasks.advanced_tasks import charge_order, charge_order_carelessly
from work.ledger import Ledger
from work.orders.charges import Charges

QUEUE = "lesson33"
ORDERS = [f"TL-{number}" for number in range(1, 201)]
PRICE_CENTS = 9900
KILLS = 5
DONE_BEFORE_KILL = 5  # orders of each task; then the worker is in the middle of its work
VISIBILITY_S = 2  # too short: most messages wait longer than that in the worker's memory
ENOUGH = 20  # orders of each task that were finished twice; then it has been seen
SURE_S = 1.0  # a message on its way from one place to another is in none for some milliseconds
TIMEOUT_S = 120  # the last worker needs about 10 s; the rest is room for a busy machine
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=4", "--prefetch-multiplier=100"]  # 4 x 100: takes all 400 messages
TASKS = {"careless": charge_order_carelessly, "key": charge_order}
Ids = dict[tuple[str, str], str]  # (run, order) -> the id of its message


def main() -> None:
    with (
        own_ledgers("lesson33", *TASKS) as found,
        own_broker("lesson33") as broker,
        ExitStack() as at_the_end,
    ):
        ledgers = dict(zip(TASKS, found, strict=True))
        charges = {name: Charges(LAB_FILES / "charges", one.run) for name, one in ledgers.items()}
        for one in charges.values():
            at_the_end.callback(one.remove)
            one.create()
        ids = send_all(broker, ledgers)
        work_and_kill(broker, found, ids)
        # A kill between the charge and its EFFECT line leaves a charge that the ledger does not
        # know.  So the database, which is what a customer pays by, is asked, and not the ledger.
        charged = {name: one.orders() for name, one in charges.items()}
        verdicts = {}
        for name, ledger in ledgers.items():
            sent = {order: ids[ledger.run, order] for order in ORDERS}
            left = jobs_in_messages(broker.client(), [QUEUE], sent)
            verdicts[name] = verdict_on(
                ORDERS, ledger.entries(), effects=charged[name], with_a_message=left
            )
    show_verdicts(verdicts, effects="charged", names=False)
    for name, orders in charged.items():
        times = Counter(orders)
        most = max(times.values(), default=0)
        print(
            f"{name}: {len(orders)} charges for {len(times)} orders; the most for one order: {most}"
        )
    careless, key = verdicts.values()
    claim(
        bool(careless.finished_twice and key.finished_twice),
        "both: orders were worked on twice or more, from their beginning to their end",
    )
    claim(bool(careless.effects_twice), "careless: cards were charged twice or more")
    claim(
        not key.effects_twice and set(key.finished) <= set(charged["key"]),
        "key: no card was charged twice, and each order that was finished was charged",
    )


def send_all(broker: OwnBroker, ledgers: dict[str, Ledger]) -> Ids:
    """Send each order to both tasks, in turns; return the ids of the messages."""
    ids = {}
    with broker.app(**TRANSPORT) as shop:
        for order in ORDERS:
            for name, task in TASKS.items():
                run = ledgers[name].run
                job = (run, order, PRICE_CENTS)
                sent = shop.send_task(task.name, job, queue=QUEUE, ignore_result=True)
                ids[run, order] = sent.id
    return ids


def work_and_kill(broker: OwnBroker, ledgers: list[Ledger], ids: Ids) -> None:
    """Let a worker work, and kill it, KILLS times; let the last one finish."""
    line = partial(
        own_worker,
        "lesson33",
        [QUEUE],
        *OPTIONS,
        settings=[transport_setting(TRANSPORT), "task.acks_late=True"],
        environment=broker.environment(),
    )
    for turn in range(KILLS):
        goals = [done(ledger) + DONE_BEFORE_KILL for ledger in ledgers]
        with line(show=turn == 0) as worker:
            some_done = partial(all_done, ledgers, goals)
            wait_for_lines(ledgers, some_done, TIMEOUT_S, "the end of some orders")
            worker.kill()
    print(f"the worker was killed {KILLS} times")
    with line(show=False) as worker:
        # Not until the queue is empty: with this visibility_timeout that may never come.
        over = nothing_to_come(broker, ledgers, ids)
        wait_for_lines(ledgers, over, TIMEOUT_S, "the end of all orders")
        worker.kill()  # what it still holds has been done before


def done(ledger: Ledger) -> int:
    """How often an order was finished."""
    return sum(entry.event == "END" for entry in ledger.entries())


def all_done(ledgers: list[Ledger], goals: list[int]) -> bool:
    """True when each ledger tells of so many finished jobs."""
    return all(done(ledger) >= goal for ledger, goal in zip(ledgers, goals, strict=True))


def nothing_to_come(broker: OwnBroker, ledgers: list[Ledger], ids: Ids) -> Callable[[], bool]:
    """A condition: no message is left of an order that is not finished, and enough came twice."""
    client = broker.client()
    last_seen = time.monotonic()

    def look() -> bool:
        nonlocal last_seen
        verdicts = {ledger.run: verdict_on(ORDERS, ledger.entries()) for ledger in ledgers}
        missing = [ids[run, order] for run, verdict in verdicts.items() for order in verdict.lost]
        enough = all(len(one.finished_twice) >= ENOUGH for one in verdicts.values())
        messages: Any = [*client.lrange(QUEUE, 0, -1), *client.hvals("unacked")]
        if any(needle(task_id) in message for task_id in missing for message in messages) or (
            messages and not enough
        ):
            last_seen = time.monotonic()
        return (enough and not missing) or time.monotonic() - last_seen > SURE_S

    return look


if __name__ == "__main__":
    run_lesson(main, queues=[])
