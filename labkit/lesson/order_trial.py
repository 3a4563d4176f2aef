"""Ticket orders on several sides, and one worker for all of them that is killed again and again.

An order's id begins with its side: "keys-7".
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from celery import Celery

from labkit.broker.quiet import wait_until_quiet
from labkit.lesson.order_verdict import OrderVerdict, verdict_on_orders
from labkit.own.broker import OwnBroker, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.services import OwnPartners, own_partners
from labkit.own.shop import OwnShop, own_shop
from labkit.own.workers import Worker, WorkerLine, workers_of
from work.ledger import Ledger

QUEUE = "realworld"  # where the steps of an order send the next one
WAIT_S = 120  # each wait is over in seconds; the rest is room for a busy machine

# (last digit of an order's number, path of a service, its fault, how often; 0: each time)
Fault = tuple[str, str, str, int]


@dataclass
class OrderTrial:
    """Its shop and partners, its worker, what was sent to that, and what came of it.

    app: sends to the broker of the trial.
    """

    sides: Sequence[str]
    shop: OwnShop
    partners: OwnPartners
    broker: OwnBroker
    app: Celery
    ledger: Ledger
    line: WorkerLine
    _sent: list[tuple[str, str]] = field(default_factory=list)  # side, root id of a workflow
    _shown: bool = False

    def let_things_go_wrong(self, faults: Sequence[Fault], orders: int) -> None:
        """Let the partners fail for some of the orders 1 to `orders`, on each side alike."""
        for digit, path, fault, times in faults:
            numbers = [number for number in range(1, orders + 1) if str(number).endswith(digit)]
            these = [f"{side}-{number}" for side in self.sides for number in numbers]
            self.partners.go_wrong(path, fault, these, **({"times": times} if times else {}))

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """Start the worker, and stop it at the end of a block; its line is printed once."""
        line, self._shown = replace(self.line, show=not self._shown), True
        with workers_of([line]) as (worker,):
            yield worker

    def note(self, order: str, task_id: str) -> None:
        """Keep the id of a workflow that was sent for an order."""
        self._sent.append((_side(order), task_id))

    def tasks_done(self) -> int:
        """How many tasks have ended, on all sides."""
        return len(self.ledger.jobs("END"))

    def some_tasks_more(self, most: int, side: str) -> Callable[[], bool]:
        """A condition to wait for: 1 to `most` tasks more have ended, as chance will have it.

        It holds, too, when no order of a side is left.
        """
        goal = self.tasks_done() + random.randint(1, most)  # noqa: S311  (no secret)
        return lambda: self.tasks_done() >= goal or self.none_left(side)

    def none_left(self, side: str) -> bool:
        """True when each order of a side is finished or taken back."""
        from work.orders import outbox

        return side not in map(_side, outbox.unfinished(self.shop.engine))

    def wait_until_quiet(self) -> None:
        """Wait until no message is on its way any more."""
        with self.broker.client() as client:
            wait_until_quiet([client], [QUEUE], WAIT_S)

    def verdicts(self) -> dict[str, OrderVerdict]:
        """What became of the orders on each side."""
        states, books, lines = self.shop.states(), self.partners.books(), self.ledger.entries()
        return {
            side: verdict_on_orders(
                {order: state for order, state in states.items() if _side(order) == side},
                books,
                [task_id for its_side, task_id in self._sent if its_side == side],
                [line for line in lines if _side(line.job) == side],
            )
            for side in self.sides
        }


def _side(order: str) -> str:
    """The side of an order, or of a line about one: "keys-7 mail_ticket" -> "keys"."""
    return order.partition("-")[0]


@contextmanager
def order_trial(
    lesson: str, sides: Sequence[str], options: Sequence[str], transport: Mapping[str, object]
) -> Iterator[OrderTrial]:
    """Give a trial with a shop, a broker and partners of its own; its worker does not run yet.

    options: of `celery worker`.  transport: broker_transport_options, also of the app that sends.
    """
    with (
        own_ledgers(lesson, "orders") as (ledger,),
        own_shop(lesson) as shop,
        own_partners() as partners,
        own_broker(lesson) as broker,
        broker.app(0, **transport) as app,
    ):
        where = broker.environment() | shop.environment() | partners.environment()
        where |= {"LAB_LEDGER": ledger.run}
        line = WorkerLine(lesson, [QUEUE], options, [transport_setting(transport)], where)
        yield OrderTrial(sides, shop, partners, broker, app, ledger, line)
