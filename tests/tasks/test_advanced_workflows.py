"""The tasks of lessons 10 to 17, called as plain functions or eagerly, and the work behind them."""

import json

import pytest
from celery.exceptions import Retry
from celery.result import AsyncResult
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks import advanced_tasks
from tasks.advanced_tasks import (
    add_up_charges,
    ask_airline,
    book_seats,
    charge_card,
    cheapest_offer,
    full_price,
    note_failure,
    price_and_tell,
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
    retry_swallowed,
    total_price,
    waiting_price,
    with_fee,
)
from tasks.advanced_tasks import cards as cards_module
from tasks.advanced_tasks import orders as orders_module
from tasks.advanced_tasks import retry_forms as retry_forms_module
from work.flights.offers import PRICES_CENTS
from work.ledger import Ledger
from work.orders.cards import CardDeclined, charged
from work.orders.order_models import Booking, Order, reasons
from work.orders.prices import MAX_CENTS
from work.orders.tickets import MAX_SEATS

GOOD = {"flight": "TL101", "seats": 2, "price_cents": 12900}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of the test's own in place of the lab's files."""
    for module in (cards_module, orders_module, retry_forms_module):
        monkeypatch.setattr(module, "LAB_FILES", tmp_path)
    return tmp_path


@pytest.fixture
def ledger(files):
    return Ledger(files / "ledgers", "run")


@pytest.mark.parametrize("name", advanced_tasks.__all__)
def test_every_task_says_what_it_does(name):
    assert getattr(advanced_tasks, name).run.__doc__


# -- Prices ----------------------------------------------------------------------------------

CENTS = st.integers(0, MAX_CENTS)
SEATS = st.integers(1, MAX_SEATS)


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


@pytest.mark.parametrize("offers", [[], None, 5, [5], [{}], "text"])
def test_what_are_no_offers_is_refused(offers):
    with pytest.raises(ValueError, match=r"^offers must be a list of what ask_airline returns"):
        cheapest_offer(offers)


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


# -- Tasks that need another -----------------------------------------------------------------


def test_the_full_price_is_that_of_the_chain_that_takes_its_place():
    assert full_price.apply((12900, 2)).get() == 26300


def test_waiting_for_another_task_names_the_seconds_that_are_allowed(monkeypatch):
    monkeypatch.setattr(total_price, "apply_async", lambda *_, **__: None)
    with pytest.raises(ValueError, match=r"^wait_s must be 0 to 60, got 61$"):
        waiting_price(12900, 2, wait_s=61)


# -- Retries ---------------------------------------------------------------------------------

FORMS = [
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
]


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
def test_each_form_stops_at_the_answer(ledger, task):
    assert task.apply(("run", 3)).get() == "answered at attempt 3"
    assert len(ledger.entries()) == 3


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
def test_each_form_makes_four_attempts_at_most(ledger, task):
    outcome = task.apply(("run", 99))
    assert (outcome.state, str(outcome.result)) == ("FAILURE", "not ready at attempt 4")
    assert [entry.job for entry in ledger.entries()] == [task.name.rpartition(".")[2]] * 4


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
@pytest.mark.parametrize("ready_at", [0, "x", None, 1.5, float("nan"), True])
def test_an_attempt_that_cannot_be_is_refused_and_not_tried_again(ledger, task, ready_at):
    outcome = task.apply(("run", ready_at))
    assert type(outcome.result) is ValueError
    assert str(outcome.result) == f"ready_at must be 1 or more, got {ready_at!r}"
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize(
    ("task", "retries", "countdowns"),
    [
        (retry_by_hand, [0, 1, 2], [5, 5, 5]),
        (retry_doubled, [0, 1, 2], [1, 2, 4]),
        (retry_fixed, [0, 1, 2], [2, 2, 2]),
        (retry_backoff, [0, 1, 2], [1, 2, 4]),
        (retry_default, [0, 1, 2], [180, 180, 180]),
        (retry_swallowed, [0, 1, 2], [1, 1, 1]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_form_waits_as_it_says(files, monkeypatch, task, retries, countdowns):
    assert [waits_s(monkeypatch, task, number) for number in retries] == countdowns


def test_a_wait_drawn_by_chance_is_never_longer_than_without(files, monkeypatch):
    drawn = [waits_s(monkeypatch, retry_jitter, 2) for _ in range(50)]
    assert set(drawn) <= {0, 1, 2, 3, 4}
    assert len(set(drawn)) > 1


def waits_s(monkeypatch, task, retries):
    """The countdown with which a task asks for its next attempt, after so many retries."""
    asked = []

    def retry(*_, countdown=None, **__):
        asked.append(task.default_retry_delay if countdown is None else countdown)
        raise Retry

    with monkeypatch.context() as patch:
        patch.setattr(task, "retry", retry)
        task.push_request(retries=retries, called_directly=False)
        try:
            task.run("run", 99)
        except Retry:
            pass
        finally:
            task.pop_request()
    return asked[0]


def test_the_swallowed_retry_is_the_one_that_says_success_after_a_failed_attempt(
    files, monkeypatch
):
    monkeypatch.setattr(retry_swallowed, "retry", lambda **_: Retry())
    assert retry_swallowed("run", 99) == "ended well, it says"


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
