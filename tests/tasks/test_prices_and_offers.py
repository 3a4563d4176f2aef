"""Prices, offers of airlines, and tasks that need the price of another task."""

import json

import pytest
from celery.result import AsyncResult
from hypothesis import given
from hypothesis import strategies as st

from tasks.advanced_tasks import (
    ask_airline,
    cheapest_offer,
    full_price,
    price_and_tell,
    total_price,
    waiting_price,
    with_fee,
)
from work.flights.offers import PRICES_CENTS
from work.orders.prices import MAX_CENTS
from work.orders.tickets import MAX_SEATS

CENTS = st.integers(0, MAX_CENTS)
SEATS = st.integers(1, MAX_SEATS)


# -- Prices ----------------------------------------------------------------------------------


@given(CENTS, SEATS, SEATS)
def test_seats_bought_together_cost_what_they_cost_apart(price_cents, some, more):
    together = total_price(price_cents, min(some + more, MAX_SEATS))
    if some + more <= MAX_SEATS:
        assert together == total_price(price_cents, some) + total_price(price_cents, more)
    else:
        assert together == price_cents * MAX_SEATS


@given(CENTS)
def test_the_fee_is_added_once(amount_cents):
    assert with_fee(amount_cents) == amount_cents + 500


@pytest.mark.parametrize("cents", [-1, MAX_CENTS + 1, 12.5, "12900", None, True])
def test_an_amount_that_is_no_number_of_cents_is_refused(cents):
    with pytest.raises(ValueError, match=r"^price_cents must be a whole number, 0 to 10000000"):
        total_price(cents, 1)
    with pytest.raises(ValueError, match=r"^amount_cents must be a whole number, 0 to 10000000"):
        with_fee(cents)


@pytest.mark.parametrize("seats", [0, 10, "2", 1.0, None, True])
def test_a_number_of_seats_that_cannot_be_is_refused(seats):
    with pytest.raises(ValueError, match=r"^seats must be 1 to 9, got "):
        total_price(12900, seats)


def test_a_price_is_told_to_the_task_that_a_signature_names(monkeypatch):
    sent = []

    def apply_async(*call, **_options):
        sent.append(call)
        return AsyncResult("an id")

    monkeypatch.setattr(with_fee, "apply_async", apply_async)
    then = json.loads(json.dumps(with_fee.s()))
    assert price_and_tell(12900, 2, then) == "an id"
    assert sent == [((25800,), {})]


def test_nothing_is_told_where_the_price_is_wrong(monkeypatch):
    monkeypatch.setattr(with_fee, "apply_async", lambda *_, **__: pytest.fail("it was sent"))
    with pytest.raises(ValueError, match="seats must be 1 to 9"):
        price_and_tell(12900, 12, with_fee.s())


@pytest.mark.parametrize(
    "then", [5, None, {}, {"task": 5}, {"task": "x"}, {**with_fee.s(), "args": 5}]
)
def test_what_is_no_signature_is_not_told(then):
    with pytest.raises(ValueError, match=r"^then must be a signature such as with_fee.s\(\), got "):
        price_and_tell(12900, 2, then)


# -- Tasks that need another -----------------------------------------------------------------


def test_the_full_price_is_that_of_the_chain_that_takes_its_place():
    assert full_price.apply((12900, 2)).get() == 26300


def test_waiting_for_another_task_names_the_seconds_that_are_allowed(monkeypatch):
    monkeypatch.setattr(total_price, "apply_async", lambda *_, **__: None)
    with pytest.raises(ValueError, match=r"^wait_s must be 0 to 60, got 61$"):
        waiting_price(12900, 2, wait_s=61)


# -- Offers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("airline", PRICES_CENTS)
def test_every_airline_answers_with_its_price(airline):
    assert ask_airline(airline, 0) == {"airline": airline, "price_cents": PRICES_CENTS[airline]}


@pytest.mark.parametrize("airline", ["eagle", "", None, ["tern"]])
def test_an_unknown_airline_is_answered_with_the_known_ones(airline):
    with pytest.raises(ValueError, match=r"^airline must be one of heron, swift, tern, wren, got"):
        ask_airline(airline, 0)


@pytest.mark.parametrize("seconds", [-1, 61, "1", None])
def test_an_answer_that_takes_no_sensible_time_is_refused(seconds):
    with pytest.raises(ValueError, match=r"^answers_after_s must be 0 to 60, got "):
        ask_airline("tern", seconds)


@given(st.lists(st.integers(), min_size=1))
def test_no_offer_is_cheaper_than_the_cheapest(prices):
    offers = [{"airline": "tern", "price_cents": price} for price in prices]
    assert cheapest_offer(offers)["price_cents"] == min(prices)


def test_the_cheapest_offer_names_the_airlines_in_the_order_of_their_answers():
    offers = [ask_airline(airline, 0) for airline in ("wren", "swift", "heron")]
    assert cheapest_offer(offers)["compared"] == ["wren", "swift", "heron"]


@pytest.mark.parametrize("offers", [[], None, 5, [5], [{}], "text"])
def test_what_are_no_offers_is_refused(offers):
    with pytest.raises(ValueError, match=r"^offers must be a list of what ask_airline returns"):
        cheapest_offer(offers)
