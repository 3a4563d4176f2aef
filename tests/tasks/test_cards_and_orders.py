"""Cards that are charged, orders that are checked, and the ledger that tells what was done."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.advanced_tasks import add_up_charges, book_seats, charge_card, note_failure
from work.orders.cards import CardDeclined, charged
from work.orders.order_models import Booking, Order, reasons
from work.orders.prices import MAX_CENTS

GOOD = {"flight": "TL101", "seats": 2, "price_cents": 12900}


# -- Cards -----------------------------------------------------------------------------------


def test_a_charge_stands_in_the_ledger_as_often_as_it_was_made(ledger):
    assert charge_card("run", "ada-visa", 100) == 100
    charge_card("run", "ada-visa", 100)
    charge_card("run", "eve-visa", 50)
    assert charged(ledger) == ["ada-visa", "ada-visa", "eve-visa"]


def test_a_declined_card_is_not_charged(ledger):
    with pytest.raises(CardDeclined, match=r"^the bank declined bob-declined$"):
        charge_card("run", "bob-declined", 100)
    assert charged(ledger) == []


@pytest.mark.parametrize("card", ["", "Ada", "1234 5678", "../x", None, "a" * 51])
def test_what_is_no_card_is_not_charged(ledger, card):
    with pytest.raises(ValueError, match=r"^card must be a name such as 'ada-visa', got "):
        charge_card("run", card, 100)
    with pytest.raises(ValueError, match=r"^amount_cents must be a whole number"):
        charge_card("run", "ada-visa", -1)
    assert charged(ledger) == []


def test_charges_are_added_up():
    assert add_up_charges([100, 200]) == 300
    assert add_up_charges([]) == 0


@pytest.mark.parametrize("amounts", [None, 5, "12", ["1"], [1, -1]])
def test_what_are_no_charges_is_not_added_up(amounts):
    with pytest.raises(ValueError, match=r"^amounts_cents must be a "):
        add_up_charges(amounts)


def test_a_failure_is_noted_by_the_errback_of_an_eager_task(ledger):
    outcome = charge_card.apply(("run", "bob-declined", 100), link_error=note_failure.s("run"))
    assert isinstance(outcome.result, CardDeclined)
    assert [entry.job for entry in ledger.entries()] == ["charge_card: CardDeclined"]


# -- Typed orders ----------------------------------------------------------------------------


@given(st.integers(1, 9), st.integers(0, MAX_CENTS))
def test_an_order_that_travelled_as_json_is_the_same(seats, price_cents):
    order = Order(flight="TL101", seats=seats, price_cents=price_cents)
    assert Order.model_validate(json.loads(json.dumps(order.model_dump(mode="json")))) == order


def test_an_order_may_be_a_model_or_its_dict(ledger):
    expected = {"order": GOOD, "total_cents": 25800}
    assert book_seats("run", GOOD) == book_seats("run", Order.model_validate(GOOD)) == expected
    assert Booking.model_validate(expected).order == Order.model_validate(GOOD)
    assert [entry.job for entry in ledger.entries()] == ["2 seats on TL101"] * 2


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (GOOD | {"seats": 12}, "seats must be 1 to 9, got 12"),
        (GOOD | {"flight": "TL"}, "flight must be a number such as TL101, got 'TL'"),
        (GOOD | {"price_cents": -1}, "price_cents must be a whole number, 0 to 10000000, got -1"),
        (GOOD | {"meal": "fish"}, "meal: Extra inputs are not permitted"),
        ({"flight": "TL101", "seats": 2}, "price_cents: Field required"),
        ({"flight": "TL101", "seats": 0}, "seats must be 1 to 9, got 0; price_cents: Field "),
        ("TL101", "Order: Input should be a valid dictionary or instance of Order"),
    ],
)
def test_a_wrong_order_is_refused_in_one_line_before_anything_is_booked(ledger, order, sentence):
    with pytest.raises(ValueError, match=r"^\S") as caught:
        book_seats("run", order)
    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(sentence)
    assert ledger.entries() == []


def test_the_reasons_of_an_error_name_every_field():
    with pytest.raises(ValidationError) as caught:
        Order.model_validate({})
    assert reasons(caught.value) == "; ".join(
        f"{field}: Field required" for field in Order.model_fields
    )
