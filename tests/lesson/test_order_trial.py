"""A trial of orders knows the side of each, which of them are left, and when some more are done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.lesson.order_trial import OrderTrial
from labkit.own.shop import OwnShop, open_one, own_shop
from labkit.own.workers import WorkerLine
from work.ledger import Ledger
from work.orders.order_states import State
from work.orders.ticket_orders import move


class StandInPartners:
    """Notes which orders shall go wrong; its books are empty."""

    def __init__(self) -> None:
        self.wrong: list[tuple] = []

    def go_wrong(self, path: str, fault: str, orders: list[str], **more: Any) -> None:
        self.wrong.append((path, fault, orders, more))

    def books(self) -> dict:
        return {name: {"balance": {}, "done": {}} for name in ("seats", "cards", "mails")}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnShop]:
    monkeypatch.setattr("labkit.own.shop.LAB_FILES", tmp_path)
    with own_shop("test") as shop:
        yield shop


@pytest.fixture
def trial(shop: OwnShop, tmp_path: Path) -> OrderTrial:
    ledger = Ledger(tmp_path, "run")
    ledger.create()
    nobody: Any = None
    partners: Any = StandInPartners()
    sides = ["keys", "careless"]
    return OrderTrial(sides, shop, partners, nobody, nobody, ledger, WorkerLine("", []))


def test_things_go_wrong_for_the_same_numbers_on_each_side(trial):
    trial.let_things_go_wrong([("3", "/cards", "hang up", 1), ("5", "/mails", "refuse", 0)], 15)
    assert trial.partners.wrong == [
        ("/cards", "hang up", ["keys-3", "keys-13", "careless-3", "careless-13"], {"times": 1}),
        ("/mails", "refuse", ["keys-5", "keys-15", "careless-5", "careless-15"], {}),
    ]


def test_an_order_of_one_side_does_not_count_for_the_other_one(trial):
    open_one(trial.shop.engine, "careless-1", task="")
    assert [trial.none_left(side) for side in trial.sides] == [True, False]


def test_some_tasks_more_are_waited_for_as_long_as_a_side_has_orders(trial):
    open_one(trial.shop.engine, "keys-1", task="")
    enough = trial.some_tasks_more(1, "keys")
    assert not enough()
    trial.ledger.note("END", "careless-1 mail_ticket mailed")
    assert enough()


def test_nothing_more_is_waited_for_when_a_side_has_no_order_left(trial):
    assert trial.some_tasks_more(40, "keys")()


def test_a_verdict_holds_the_orders_and_the_messages_of_its_side(trial):
    for order in ("keys-1", "keys-2", "careless-1"):
        open_one(trial.shop.engine, order, task="")
        trial.note(order, f"root of {order}")
    move(trial.shop.engine, "keys-1", State.NEW, State.UNDOING)
    trial.ledger.note("END", "keys-1 cancel_order cancelled")
    verdicts = trial.verdicts()
    assert {side: one.orders for side, one in verdicts.items()} == {
        "keys": ["keys-1", "keys-2"],
        "careless": ["careless-1"],
    }
    assert {side: one.sent for side, one in verdicts.items()} == {"keys": 2, "careless": 1}
