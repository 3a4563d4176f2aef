"""Idempotency: let messages come twice, and charge each card once.

No queue can promise that a task runs exactly once.  A worker can die between the work and its
acknowledgement, and nobody can know which of the two was the last thing it did.  So there are two
promises to choose from: at most once (early acknowledgement, jobs get lost), and at least once
(late acknowledgement, jobs come twice).  With the second one the work itself must see to it that a
second time does no harm.  That is called idempotent.

Two workers get 200 orders each.  Both are killed (kill -9) 5 times in the middle of their work.
Their visibility_timeout of 2 s is too short on purpose, because they take 200 messages in advance.
One charges the card whenever it is asked to.  The other one first writes an idempotency key, "pay
for TL-7".  The key and the charge stand in one database, and one transaction writes both: so there
is no moment in which one of the two is there alone.

The tasks are `charge_order` and `charge_order_carelessly` in tasks/advanced_tasks/delivery.py; the
database is in work/charges.py.

    ./lab run 28        # about 30 s

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson28*
Flower and the lab page know only the shared broker, and show nothing of this.

You should see:

    $ ./start_worker.sh -n lesson28-careless@%h --queues=lesson28 ... task.acks_late=True
    $ ./start_worker.sh -n lesson28-key@%h --queues=lesson28 ... task.acks_late=True
    both workers were killed 5 times
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
is unacked; a kill between the two loses it.  (The lesson ends when no order has been finished for
the first time for 4 s; one that would come later counts as lost, too.)  So this lesson promises
that no card is charged twice.  It does not promise that each order is done.  For that somebody must
look which orders have no charge, and send them again; with the key this does no harm.

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
from dataclasses import replace
from functools import partial

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own_broker import (
    OwnBroker,
    looking_every_second,
    own_broker,
    transport_setting,
)
from labkit.own_ledgers import own_ledgers
from labkit.verdict import verdict_on, verdict_table
from labkit.waiting import wait_until
from labkit.workers import WorkerLine, workers_of
from tasks.advanced_tasks import charge_order, charge_order_carelessly
from work.charges import Charges
from work.ledger import Ledger

QUEUE = "lesson28"
ORDERS = [f"TL-{number}" for number in range(1, 201)]
PRICE_CENTS = 9900
KILLS = 5
DONE_BEFORE_KILL = 5  # orders; then both workers are in the middle of their work
VISIBILITY_S = 2  # too short: 200 orders wait longer than that in a worker's memory
NOTHING_NEW_S = 4.0  # longer than visibility_timeout, and a look for old messages
TIMEOUT_S = 30  # the last workers need about 10 s; the rest is room for a busy machine
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=2", "--prefetch-multiplier=100"]
# The worker's name -> its database in the broker, and its task.
WORKERS = {"careless": (1, charge_order_carelessly), "key": (2, charge_order)}


def main() -> None:
    with (
        own_ledgers("lesson28", *WORKERS) as found,
        own_broker("lesson28") as broker,
        ExitStack() as at_the_end,
    ):
        ledgers = dict(zip(WORKERS, found, strict=True))
        charges = {name: Charges(LAB_FILES / "charges", one.run) for name, one in ledgers.items()}
        for one in charges.values():
            at_the_end.callback(one.remove)
            one.create()
        for name in WORKERS:
            send_all(broker, name, ledgers[name].run)
        work_and_kill([worker_line(broker, name) for name in WORKERS], found)
        charged = {name: one.orders() for name, one in charges.items()}
        verdicts = {
            name: verdict_on(ORDERS, ledgers[name].entries(), effects=charged[name])
            for name in WORKERS
        }
    print(*verdict_table(verdicts, effects="charged", names=False), sep="\n")
    for name, orders in charged.items():
        times = Counter(orders)
        most = max(times.values())
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


def work_and_kill(lines: list[WorkerLine], ledgers: list[Ledger]) -> None:
    """Let the workers work, kill them KILLS times, and then let them finish."""
    for turn in range(KILLS):
        goals = [done(ledger) + DONE_BEFORE_KILL for ledger in ledgers]
        with workers_of([replace(line, show=turn == 0) for line in lines]) as workers:
            wait_until(partial(all_done, ledgers, goals), TIMEOUT_S)
            for worker in workers:
                worker.kill()
    print(f"both workers were killed {KILLS} times")
    with workers_of([replace(line, show=False) for line in lines]):
        # Not until the queues are empty: with this visibility_timeout that may never come.
        wait_until(nothing_new(ledgers), TIMEOUT_S)


def nothing_new(ledgers: list[Ledger]) -> Callable[[], bool]:
    """A condition: for NOTHING_NEW_S seconds no order was finished for the first time."""
    before, since = -1, time.monotonic()

    def look() -> bool:
        nonlocal before, since
        now = sum(len(verdict_on(ORDERS, ledger.entries()).finished) for ledger in ledgers)
        if now != before:
            before, since = now, time.monotonic()
        return time.monotonic() - since > NOTHING_NEW_S

    return look


def all_done(ledgers: list[Ledger], goals: list[int]) -> bool:
    """True when each ledger tells of so many finished jobs."""
    return all(done(ledger) >= goal for ledger, goal in zip(ledgers, goals, strict=True))


def done(ledger: Ledger) -> int:
    """How often an order was finished."""
    return sum(entry.event == "END" for entry in ledger.entries())


def worker_line(broker: OwnBroker, name: str) -> WorkerLine:
    settings = [transport_setting(TRANSPORT), "task.acks_late=True"]
    where = broker.environment(WORKERS[name][0])
    return WorkerLine(f"lesson28-{name}", [QUEUE], OPTIONS, settings, where)


def send_all(broker: OwnBroker, name: str, run: str) -> None:
    database, task = WORKERS[name]
    with broker.app(database, **TRANSPORT) as shop:
        for order in ORDERS:
            job = (run, order, PRICE_CENTS)
            shop.send_task(task.name, job, queue=QUEUE, ignore_result=True)


if __name__ == "__main__":
    run_lesson(main, queues=[])
