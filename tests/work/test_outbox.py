"""The outbox sends what is committed, and again what does not move."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from tests.helpers.ticket_shop import BUYER, FLIGHT, STEPS, engine, run, shop_of
from work.database.engine import writing
from work.database.schema import now, orders
from work.database.schema import outbox as outbox_table
from work.orders import outbox, ticket_orders

__all__ = ["engine"]  # a fixture


def age(engine: Engine, seconds: float) -> None:
    """Let everything in the outbox and the orders be older by so much."""
    with writing(engine) as database:
        moment = now() - timedelta(seconds=seconds)
        database.execute(update(outbox_table).values(sent_at=moment))
        database.execute(update(orders).values(updated_at=moment))


def test_the_outbox_sends_once_and_again_after_longer_and_longer_waits(engine):
    ticket_orders.open_order(engine, **FLIGHT, **BUYER, order_id="TL-7")
    sent: list = []

    def due() -> bool:
        return bool(outbox.send_due(engine, lambda *what: sent.append(what), again_after_s=10))

    assert due() and not due()
    for wait_s in (10, 20, 40):
        age(engine, wait_s - 2)
        assert not due()
        age(engine, wait_s + 1)
        assert due()
    assert sent == [("tasks.realworld_tasks.orders.fulfil_order", ["TL-7"])] * 4


def test_the_outbox_leaves_an_order_alone_that_moves_or_is_over(engine):
    partners, _ = shop_of()
    ticket_orders.open_order(engine, **FLIGHT, **BUYER, order_id="TL-7")
    outbox.send_due(engine, lambda *_what: None, again_after_s=10)
    age(engine, 11)
    ticket_orders.reserve_seats(engine, partners, "TL-7")
    assert outbox.send_due(engine, lambda *_what: None, again_after_s=10) == []
    for step in STEPS:
        run(engine, partners, "TL-7", step)
    age(engine, 11)
    assert outbox.send_due(engine, lambda *_what: None, again_after_s=10) == []


def test_what_could_not_be_sent_is_due_at_once(engine):
    ticket_orders.open_order(engine, **FLIGHT, **BUYER, order_id="TL-7")

    def no_broker(*_what: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        outbox.send_due(engine, no_broker, again_after_s=10)
    assert outbox.send_due(engine, lambda *_what: None, again_after_s=10) == ["TL-7"]


def test_an_order_without_a_line_in_the_outbox_is_never_sent(engine):
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER, task="")
    assert outbox.send_due(engine, lambda *_what: None, again_after_s=0) == []
    assert outbox.unfinished(engine) == [order]
