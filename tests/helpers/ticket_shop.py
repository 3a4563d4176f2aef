"""A shop with one flight, and partners with real books that can be killed, busy, or say no."""

from contextlib import suppress
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from labkit.services.books import Books
from work.database.engine import create_tables, engine_for, writing
from work.database.schema import flights
from work.orders import ticket_orders
from work.orders.partners import Busy, Refused

DAY = date(2027, 5, 1)
BUYER: dict[str, Any] = {"card": "ada-visa", "email": "ada@example.com"}
FLIGHT: dict[str, Any] = {"flight": "TL45", "day": DAY, "seats": 2, "price_cents": 9900}
STEPS = {
    "reserve": ticket_orders.reserve_seats,
    "charge": ticket_orders.charge_buyer,
    "mail": ticket_orders.mail_ticket,
    "take back": ticket_orders.take_back,
}


class Killed(BaseException):
    """The worker is killed."""


class FakePartner:
    """A partner with real books, asked without a network."""

    def __init__(self, name: str, trouble: "Trouble") -> None:
        self.name, self.trouble, self.books = name, trouble, Books()

    def do(self, order_id: str, **_details: object) -> dict:
        return self._ask(lambda: self.books.do(f"{self.name}-{order_id}", order_id, self._no()))

    def undo(self, order_id: str) -> dict:
        return self._ask(lambda: self.books.undo(f"{self.name}-{order_id}", order_id))

    def _no(self) -> bool:
        return self.name == self.trouble.refuses

    def _ask(self, ask) -> dict:
        self.trouble.strike("before")
        number, content = ask()
        self.trouble.strike("after")
        if number >= 400:
            raise Refused(content["reason"])
        return content


class Trouble:
    """What goes wrong: who refuses, and what happens before or after the next request is done."""

    def __init__(self, refuses: str) -> None:
        self.refuses = refuses
        self.next: list = []  # (when, what)

    def strike(self, when: str) -> None:
        if self.next and self.next[0][0] == when:
            _, what = self.next.pop(0)
            if isinstance(what, type):
                raise what("trouble")
            what()


@pytest.fixture
def engine(tmp_path) -> Engine:
    one = engine_for(f"sqlite:///{tmp_path}/shop.sqlite")
    create_tables(one)
    with writing(one) as database:
        row = {"flight": "TL45", "day": DAY, "origin": "AMS", "destination": "LIS"}
        more = {"departs": "07:30", "seats": 300, "price_cents": 9900, "source": "test"}
        database.execute(insert(flights).values(row | more))
    return one


def shop_of(refuses: str = "") -> tuple[Any, Trouble]:
    trouble = Trouble(refuses)
    names = ("seats", "cards", "mails")
    return SimpleNamespace(**{name: FakePartner(name, trouble) for name in names}), trouble


def run(engine: Engine, partners, order_id: str, step: str) -> None:
    """One delivery of one step, which may end in any way."""
    with suppress(Refused, Busy, Killed):
        STEPS[step](engine, partners, order_id)
