"""A ticket order: reserve, charge and mail while workers are killed, and lose no order.

Three companies have a part in a ticket: the airline holds the seat, the bank takes the money, the
post brings the ticket.  No transaction spans the three, so the order goes step by step.  If one of
them refuses, what the others have done is taken back: that is called compensation.

A worker can die at any step.  Four things together lead each order to its end:

- The order's state is in the shop's database, and says what has certainly been done.
- Each request has an idempotency key, "cards-keys-7".  A service that knows it does nothing.
- Tasks are acknowledged late.  The messages of a killed worker come back, after 12 s here.
- The outbox, a table that is written together with the order, sends an order again that has not
  moved for 8 s.  Some messages come back late, or never (lesson 33); then it is the only help.

The lesson opens 100 orders like that, and 100 careless ones: no key, acknowledged early, sent once.
The same worker works on both.  It is killed (kill -9) at each of the six steps, when the service
has done what it was asked to do and has not answered yet, and six times at random.  The bank
refuses every tenth order and the post another tenth.  Some answers get lost, some come too late.

The tasks are in tasks/realworld_tasks/orders.py and orders_carelessly.py, the steps in
work/orders/ticket_orders.py, the outbox in work/orders/outbox.py, the three services in
labkit/services/.

    ./lab run 61        # about 40 s

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson61*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson61@%h --queues=realworld --concurrency=4 ...
    killed at /seats, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /cards, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /mails, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /mails/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /cards/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    killed at /seats/undo, which was done for careless-... and keys-...
    killed at random, after ... tasks
    verdict                                keys  careless
    orders                                  100       100
    finished: the ticket is mailed           80 ...
    taken back: a service refused            20 ...
    stuck for ever                            0 ...
    cards charged twice or more               0 ...
    charged, and no ticket                    0 ...
    seats held for nothing                    0 ...
    tickets mailed twice or more              0 ...
    workflows sent                    ...
      of these again, by the outbox   ...
      of these lost on the way        ...
    messages that came twice          ...
    true: keys: 80 orders are finished, 20 are taken back, and none is stuck
    true: keys: no card is charged twice, and no seat and no money is kept without a ticket
    true: keys: messages came late and came twice, and no company did anything twice
    true: careless: orders are stuck, cards are charged twice, seats are held for nothing

The numbers differ from run to run.  Under `keys` some workflows may be lost on the way, though
they are acknowledged late; then only the outbox knows that an order waits.  Under `careless` look
at `charged twice`: no kill is needed for that.  An answer that gets lost is enough.

Try next.  Guess first:
  1. Set AGAIN_AFTER_S to 600.  Which orders end all the same, and which may not?
  2. In partners() of tasks/realworld_tasks/orders.py set keys=False in its last line.  Which
     sentence does not come true any more?
  3. Set acks_late of OrderStep to False.  What is now the only thing that brings orders to their
     end, and how does it show in the table?
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from celery import Celery
from sqlalchemy import Engine

from labkit.broker.quiet import wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.lesson.order_verdict import OrderVerdict, order_table, verdict_on_orders
from labkit.own.broker import looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.services import OwnPartners, own_partners
from labkit.own.shop import open_one, own_shop
from labkit.own.workers import WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.realworld_tasks import fulfil_order, fulfil_order_carelessly
from work.ledger import Ledger
from work.orders import outbox
from work.orders.ticket_orders import state_of

QUEUE = "realworld"
# Every step of an order that ends well, and every step of taking one back.
STEPS = ["/seats", "/cards", "/mails", "/mails/undo", "/cards/undo", "/seats/undo"]
ORDERS = 100  # on each side
KILLS = 2 * len(STEPS)  # before each of them comes an equal share of the orders
AGAIN_AFTER_S = 8  # a healthy order takes about 1 s
VISIBILITY_S = 12  # longer than any step takes
TIMEOUT_S = 120  # each wait is over in seconds; the rest is room for a busy machine
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=4", "--prefetch-multiplier=1"]
KEYS, CARELESS = "keys", "careless"


@dataclass
class Shop:
    """Opens orders on both sides, and sends them."""

    engine: Engine
    celery: Celery
    ledger: Ledger
    orders: dict[str, list[str]] = field(default_factory=lambda: {KEYS: [], CARELESS: []})
    sent: dict[str, list[str]] = field(default_factory=lambda: {KEYS: [], CARELESS: []})
    shares: int = 0

    def open_orders(self) -> None:
        """The next share on each side.  The careless ones are sent here: they have no outbox."""
        self.shares += 1
        while len(self.orders[KEYS]) < ORDERS * self.shares // KILLS:
            for side, orders in self.orders.items():
                orders.append(f"{side}-{len(orders) + 1}")
            open_one(self.engine, self.orders[KEYS][-1], task=fulfil_order.name)
            open_one(self.engine, self.orders[CARELESS][-1], task="")
            self.send(fulfil_order_carelessly.name, [self.orders[CARELESS][-1]])

    def send(self, task: str, arguments: list[str]) -> None:
        """Send a task of the workflow; the outbox calls this, too."""
        side = arguments[0].partition("-")[0]
        self.sent[side].append(self.celery.send_task(task, arguments, queue=QUEUE).id)

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Wait, and meanwhile do what Beat does every few seconds in a real shop."""

        def look() -> bool:
            outbox.send_due(self.engine, self.send, AGAIN_AFTER_S)
            return condition()

        return wait_until(look, TIMEOUT_S, every_s=0.2)

    def wait_for_tasks(self, more: int) -> None:
        """Wait until so many more tasks have ended."""
        goal = self.tasks_done() + more
        self.wait(lambda: self.tasks_done() >= goal or self.all_done())

    def tasks_done(self) -> int:
        """How many tasks have ended, on both sides."""
        return sum(entry.event == "END" for entry in self.ledger.entries())

    def all_done(self) -> bool:
        """True when each order with keys is finished or taken back."""
        return not set(self.orders[KEYS]) & set(outbox.unfinished(self.engine))

    def verdicts(self, books: dict) -> dict[str, OrderVerdict]:
        """What became of the orders on each side."""
        lines = self.ledger.entries()
        return {
            side: verdict_on_orders(
                {order: state_of(self.engine, order) for order in orders},
                books,
                self.sent[side],
                [line for line in lines if line.job.startswith(side)],
            )
            for side, orders in self.orders.items()
        }


def main() -> None:
    with (
        own_ledgers("lesson61", "orders") as (ledger,),
        own_shop("lesson61") as own,
        own_partners() as partners,
        own_broker("lesson61") as broker,
        broker.client() as client,
        broker.app(**TRANSPORT) as celery,
    ):
        where = broker.environment() | own.environment() | partners.environment()
        where |= {"LAB_LEDGER": ledger.run}
        line = WorkerLine("lesson61", [QUEUE], OPTIONS, [transport_setting(TRANSPORT)], where)
        shop = Shop(own.engine, celery, ledger)
        let_things_go_wrong(partners)
        for step in STEPS:
            with workers_of([replace(line, show=step == STEPS[0])]) as (worker,):
                # The next request of each side is done, and its answer kept back.
                partners.hold(step, KEYS, CARELESS)
                shop.open_orders()
                shop.wait(lambda: len(partners.held()) == 2)
                worker.kill()
            print(f"killed at {step}, which was done for {' and '.join(partners.held())}")
            partners.go()
            with workers_of([replace(line, show=False)]) as (worker,):
                shop.open_orders()
                shop.wait_for_tasks(random.randint(1, 40))  # noqa: S311  (no secret)
                worker.kill()
            print(f"killed at random, after {shop.tasks_done()} tasks")
        with workers_of([replace(line, show=False)]):
            shop.wait(shop.all_done)
            # What comes twice now does nothing; it is waited for, to be counted.
            wait_until_quiet([client], [QUEUE], TIMEOUT_S)
        verdicts = shop.verdicts(partners.books())
    print(*order_table(verdicts), sep="\n")
    keys, careless = verdicts[KEYS], verdicts[CARELESS]
    claim(
        (len(keys.finished), len(keys.taken_back), keys.stuck) == (80, 20, []),
        "keys: 80 orders are finished, 20 are taken back, and none is stuck",
    )
    claim(
        not (keys.charged_twice or keys.charged_for_nothing or keys.held_for_nothing or keys.wrong),
        "keys: no card is charged twice, and no seat and no money is kept without a ticket",
    )
    claim(
        keys.sent_again > 0 and keys.redelivered > 0 and not keys.mailed_twice,
        "keys: messages came late and came twice, and no company did anything twice",
    )
    claim(
        bool(careless.stuck and careless.charged_twice and careless.held_for_nothing),
        "careless: orders are stuck, cards are charged twice, seats are held for nothing",
    )


def let_things_go_wrong(partners: OwnPartners) -> None:
    """Choose the orders by their last digit; six of ten have an easy life."""
    for last_digit, path, fault, times in (
        ("0", "/cards", "refuse", {}),
        ("5", "/mails", "refuse", {}),
        ("3", "/cards", "hang up", {"times": 1}),  # it has charged the card, and the answer is lost
        ("7", "/seats", "busy", {"times": 1}),
    ):
        numbers = [
            number for number in map(str, range(1, ORDERS + 1)) if number.endswith(last_digit)
        ]
        orders = [f"{side}-{number}" for side in (KEYS, CARELESS) for number in numbers]
        partners.go_wrong(path, fault, orders, **times)


if __name__ == "__main__":
    run_lesson(main, queues=[])
