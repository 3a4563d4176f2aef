"""A ticket order reaches its end, and nothing is done twice, whatever dies or comes twice."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from labkit.services.books import Books
from tests.helpers.ticket_shop import BUYER, FLIGHT, STEPS, Killed, engine, run, shop_of
from work.database.engine import reading, writing
from work.database.schema import flights, orders
from work.database.schema import outbox as outbox_table
from work.orders import outbox, ticket_orders
from work.orders.order_states import FINAL, FOLLOWS, State
from work.orders.partners import Busy, Refused, WrongRequest

__all__ = ["engine"]  # a fixture

events = st.tuples(
    st.sampled_from(list(STEPS)),
    st.sampled_from(["", "before", "after"]),
    st.sampled_from(["killed", "busy", *STEPS]),  # the last: another worker does that meanwhile
)


@settings(
    max_examples=3 * settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(refuses=st.sampled_from(["", "seats", "cards", "mails"]), history=st.lists(events))
def test_whatever_happens_the_order_ends_and_nothing_is_done_twice(engine, refuses, history):
    partners, trouble = shop_of(refuses)
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER)
    states = [State.NEW]
    for step, when, what in history:
        trouble.next = []
        if when and what in STEPS:
            trouble.next = [(when, lambda what=what: run(engine, partners, order, what))]
        elif when:
            trouble.next = [(when, Killed if what == "killed" else Busy)]
        run(engine, partners, order, step)
        states.append(ticket_orders.state_of(engine, order))
    trouble.next = []
    for step in STEPS:  # what the outbox brings in the end: the workflow once more, undisturbed
        run(engine, partners, order, step)
        states.append(ticket_orders.state_of(engine, order))

    assert states[-1] == (State.CANCELLED if refuses else State.MAILED)
    assert outbox_is_done(engine, order)
    for before, after in pairwise(states):
        assert after == before or reachable(before, after)
    for name in ("seats", "cards", "mails"):
        books = getattr(partners, name).books
        assert books.done[order] <= 1
        assert books.balance[order] == (0 if refuses else 1)


def reachable(before: State, after: State) -> bool:
    """True if states lead from one to the other."""
    return after in FOLLOWS[before] or any(reachable(one, after) for one in FOLLOWS[before])


def outbox_is_done(engine: Engine, order: str) -> bool:
    return order not in outbox.unfinished(engine)


def test_each_state_leads_to_an_end_and_an_end_leads_nowhere():
    assert {State.MAILED, State.CANCELLED} == FINAL
    for state in State:
        assert state in FINAL or any(reachable(state, end) for end in FINAL)


def test_of_two_moves_from_one_state_the_second_does_nothing(engine):
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER)
    assert ticket_orders.move(engine, order, State.NEW, State.RESERVED)
    assert not ticket_orders.move(engine, order, State.NEW, State.UNDOING)
    assert ticket_orders.state_of(engine, order) == State.RESERVED


def test_the_reason_of_a_refusal_is_kept(engine):
    partners, _ = shop_of("cards")
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER)
    for step in STEPS:
        run(engine, partners, order, step)
    found = ticket_orders.find_order(engine, order)
    assert found and (found["state"], found["reason"]) == ("cancelled", f"no for {order}")


def test_an_order_that_is_asked_for_in_a_wrong_way_is_neither_taken_back_nor_moved(engine):
    partners, trouble = shop_of()
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER)
    trouble.next = [("before", WrongRequest)]
    with pytest.raises(WrongRequest):
        ticket_orders.reserve_seats(engine, partners, order)
    assert ticket_orders.take_back(engine, partners, order) == "new"
    for step in STEPS:  # once somebody has mended it
        run(engine, partners, order, step)
    assert ticket_orders.state_of(engine, order) == "mailed"


def test_an_order_whose_undoing_is_refused_is_undoing_still(engine):
    partners, _ = shop_of("cards")
    order = ticket_orders.open_order(engine, **FLIGHT, **BUYER)
    for step in ("reserve", "charge"):
        run(engine, partners, order, step)

    def refuse(_order_id: str) -> dict:
        raise Refused("mails refused: no")

    partners.mails.undo = refuse
    with pytest.raises(Refused, match="mails refused: no"):
        ticket_orders.take_back(engine, partners, order)
    found = ticket_orders.find_order(engine, order)
    assert found and (found["state"], found["reason"]) == ("undoing", f"no for {order}")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seats": 12}, "seats must be 1 to 9, got 12"),
        ({"flight": "TL999"}, "there is no flight TL999 on 2027-05-01"),
        ({"price_cents": 0}, "the price of a seat is 9900 now, got 0"),
        ({"price_cents": 9901}, "the price of a seat is 9900 now, got 9901"),
        ({"day": "2027-05-01"}, "day must be a date, got '2027-05-01'"),
        ({"card": "A"}, "card must be a name such as 'ada-visa', got 'A'"),
        ({"email": "ada"}, "to_email must be one address such as ada@example.com, got 'ada'"),
        (
            {"order_id": "TL-7\n"},
            "order_id must be 1 to 36 letters, digits, '.', '_' and '-', got 'TL-7\\n'",
        ),
        (
            {"order_id": "x" * 37},
            f"order_id must be 1 to 36 letters, digits, '.', '_' and '-', got '{'x' * 37}'",
        ),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_nothing_is_written(engine, wrong, sentence):
    with pytest.raises(ValueError) as error:
        ticket_orders.open_order(engine, **FLIGHT | BUYER | wrong)
    assert str(error.value) == sentence
    with reading(engine) as database:
        assert not database.execute(select(orders)).all()
        assert not database.execute(select(outbox_table)).all()


def test_an_order_opened_twice_with_one_id_is_one_order_with_one_message(engine):
    ids = [ticket_orders.open_order(engine, **FLIGHT, **BUYER, order_id="TL-7") for _ in range(2)]
    assert ids == ["TL-7", "TL-7"]
    with reading(engine) as database:
        assert len(database.execute(select(outbox_table)).all()) == 1


def test_an_order_stays_as_it_is_after_the_price_has_changed(engine):
    order = {**FLIGHT, **BUYER, "order_id": "TL-7"}
    ticket_orders.open_order(engine, **order)
    with writing(engine) as database:
        database.execute(update(flights).values(price_cents=19900))
    assert ticket_orders.open_order(engine, **order) == "TL-7"
    with pytest.raises(ticket_orders.PriceChanged, match="is 19900 now, got 9900"):
        ticket_orders.open_order(engine, **order | {"order_id": "TL-8"})


def test_without_keys_the_books_count_every_request():
    books = Books()
    for _ in range(3):
        books.do("", "TL-7")
    assert books.done == Counter({"TL-7": 3})
