"""Idempotency: let messages come twice, and charge each card once.

No queue can promise that a task runs exactly once.  A worker can die between the work and its
acknowledgement, and nobody can know which of the two was the last thing it did.  So there are two
promises to choose from: at most once (early acknowledgement, jobs get lost), and at least once
(late acknowledgement, jobs come twice).  With the second one the work itself must see to it that a
second time does no harm.  That is called idempotent.

Two workers get 200 orders each, and each has a task of its own for them.  Both are killed (kill -9)
5 times in the middle of their work, and each time they start again.  The visibility_timeout of 2 s
is too short on purpose, because a worker takes all 200 messages in advance.  One task charges the
card whenever it is asked to.  The other one first writes an idempotency key, "pay for TL-7".  The
key and the charge stand in one database, and one transaction writes both: so there is no moment in
which one of the two is there alone.

The tasks are `charge_order` and `charge_order_carelessly` in tasks/advanced_tasks/delivery.py; the
database is in work/orders/charges.py.

    ./lab run 33        # about 18 s

Watch: `tail -f .lab/files/ledgers/lesson33*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson33-careless@%h --queues=lesson33.careless ...
    $ ./start_worker.sh -n lesson33-key@%h --queues=lesson33.key ...
    both workers were killed 5 times
    verdict                   careless     key
    sent                           200     200
    started                       ...
    finished                      ...
    lost                          ...
    started twice or more         ...
    finished twice or more        ...
    charged twice or more         ...       0
    task      charges  orders with a charge  most charges for one order
    careless  ...
    key       ...  1
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

from collections import Counter

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.charges import own_charges
from labkit.lesson.trial import trial
from labkit.lesson.verdict import show_verdicts
from labkit.own.broker import looking_every_second, own_broker
from tasks.advanced_tasks import charge_order, charge_order_carelessly

TASKS = {"careless": charge_order_carelessly, "key": charge_order}
ORDERS = [f"TL-{number}" for number in range(1, 201)]
PRICE_CENTS = 9900
KILLS = 5
DONE_BEFORE_KILL = 5  # orders of each task; then its worker is in the middle of its work
VISIBILITY_S = 2  # too short: most messages wait longer than that in the worker's memory
ENOUGH = 20  # orders of each task that were finished twice; then it has been seen
OPTIONS = ["--concurrency=2", "--prefetch-multiplier=100"]  # 2 x 100: takes all 200 messages
TRANSPORT = looking_every_second(VISIBILITY_S)


def main() -> None:
    with (
        own_broker("lesson33") as broker,
        trial("lesson33", list(TASKS), *OPTIONS, TRANSPORT, broker=broker, start=False) as setups,
        own_charges(setups) as charges,
    ):
        for one in setups:  # a worker, a queue and a ledger each
            for order in ORDERS:
                one.send(TASKS[one.name], order, PRICE_CENTS, ignore_result=True)

        # What a killed worker held comes back when it is VISIBILITY_S old.  So does what a living
        # one has held for so long: it cannot be told from the other.
        for _ in range(KILLS):
            setups.start()
            setups.wait_until_more_done(DONE_BEFORE_KILL)
            setups.kill()
        print(f"both workers were killed {KILLS} times")

        # The last workers work until no order is missing that has a message.  The queues may never
        # be empty: with this visibility_timeout messages come again and again.
        setups.start()
        setups.wait_until_done_or_lost(lambda verdict: len(verdict.finished_twice) >= ENOUGH)
        setups.kill()  # what they still hold has been done before

        # A kill between the charge and its EFFECT line leaves a charge that the ledger does not
        # know.  So the database, which is what a customer pays by, is asked, and not the ledger.
        charged = {name: one.orders() for name, one in charges.items()}
    verdicts = setups.verdicts(charged)
    show_verdicts(verdicts, effects="charged", names=False)
    times = {name: Counter(orders) for name, orders in charged.items()}
    table(
        *("task", "charges", "orders with a charge", "most charges for one order"),
        rows=[(name, one.total(), len(one), max(one.values())) for name, one in times.items()],
    )

    # The key does not keep a task from running twice.  It makes the second time harmless.
    careless, key = verdicts["careless"], verdicts["key"]
    claim(
        bool(careless.finished_twice and key.finished_twice),
        "both: orders were worked on twice or more, from their beginning to their end",
    )
    claim(bool(careless.effects_twice), "careless: cards were charged twice or more")
    claim(
        not key.effects_twice and set(key.finished) <= set(charged["key"]),
        "key: no card was charged twice, and each order that was finished was charged",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
