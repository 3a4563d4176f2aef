"""Orders through the API: written once, refused for good, and never waited for."""

import json
import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.stack.helpers.web_parts import ORDER, Web, house_form, timed, web_server
from work.database.engine import writing
from work.orders.partner_address import write_address

NOBODY = "5f0c81d2-6c3b-4b0e-9a57-0c4b8a3d5e11"  # an id that no order has
LIMIT_S = 3.0  # room for a busy machine; a task would wait 60 s


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server without workers, and a shop with one flight."""
    with web_server(tmp_path_factory.mktemp("orders"), "orders") as one:
        one.add_flight()
        yield one


def test_an_order_is_written_and_a_worker_is_asked_to_look_into_the_outbox(web):
    before = web.waiting()
    order_id = web.order()
    told = web.ask.get(f"/orders/{order_id}").json()
    without_card = {key: value for key, value in ORDER.items() if key not in {"card", "email"}}
    order = {"id": order_id, "state": "new", "reason": None, "hint": "./lab partners"}
    assert told == order | without_card
    assert web.waiting() == before + 1


def test_an_order_has_the_hint_also_where_killed_partners_left_their_address(web):
    order_id = web.order()
    ended = {"url": "http://127.0.0.1:9", "pid": 1, "started": 0.0}
    (web.home / "partners").write_text(json.dumps(ended))
    hint = web.ask.get(f"/orders/{order_id}").json()["hint"]
    assert hint == "./lab partners"
    with socket.create_server(("127.0.0.1", 0)) as listens:
        write_address(web.home / "partners", f"http://127.0.0.1:{listens.getsockname()[1]}")
        assert web.ask.get(f"/orders/{order_id}").json()["hint"] is None
    assert web.ask.get(f"/orders/{order_id}").json()["hint"] == hint  # it runs, and answers nobody
    (web.home / "partners").unlink()


def test_the_same_key_is_the_same_order(web):
    key = str(uuid4())
    assert [web.order(key), web.order(key)] == [key, key]
    other = web.ask.post("/orders", json=ORDER | {"seats": 3}, headers={"Idempotency-Key": key})
    assert house_form(other, 409) == f"the key {key} belongs to another order"
    assert web.ask.get(f"/orders/{key}").json()["seats"] == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"flight": "TL999"}, "there is no flight TL999 on 2027-05-01"),
        ({"flight": "tl 101"}, "flight must be a number such as TL101, got 'tl 101'"),
        ({"seats": 12}, "seats must be 1 to 9, got 12"),
        ({"seats": True}, "seats must be 1 to 9, got True"),
        ({"price_cents": 12.5}, "price_cents must be a whole number, 0 to 10000000, got 12.5"),
        ({"card": "4111 1111"}, "card must be a name such as 'ada-visa', got '4111 1111'"),
        ({"email": "ada"}, "to_email must be one address such as ada@example.com, got 'ada'"),
        ({"day": "tomorrow"}, "day must be a date such as 2027-05-01, got 'tomorrow'"),
        ({"day": 0}, "day must be a date such as 2027-05-01, got 0"),
        ({"day": "0"}, "day must be a date such as 2027-05-01, got '0'"),
        ({"day": "2027-02-30"}, "day: input should be a valid date"),
        ({"meal": "fish"}, "'meal' is not known here"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_nothing_is_sent(web, changes, sentence):
    before = web.waiting()
    assert house_form(web.ask.post("/orders", json=ORDER | changes), 422).startswith(sentence)
    assert web.waiting() == before


@pytest.mark.parametrize("price_cents", [0, 12899])
def test_the_price_is_the_timetable_s_and_not_the_buyer_s(web, price_cents):
    before = web.waiting()
    answer = web.ask.post("/orders", json=ORDER | {"price_cents": price_cents})
    assert house_form(answer, 409) == f"the price of a seat is 12900 now, got {price_cents}"
    assert web.waiting() == before


def test_an_unknown_order_and_an_id_that_is_no_uuid_are_told_apart(web):
    assert house_form(web.ask.get(f"/orders/{NOBODY}"), 404) == f"there is no order {NOBODY}"
    assert house_form(web.ask.get("/orders/7"), 422).startswith("order_id: input should be a valid")


def test_a_frozen_broker_makes_503_and_no_order(web):
    key = str(uuid4())
    with web.frozen_broker():
        house_form(web.ask.get("/healthz"), 503)  # the answer of a moment ago counts no more
        answer = web.ask.post("/orders", json=ORDER, headers={"Idempotency-Key": key})
        assert house_form(answer, 503).startswith("the broker does not answer")
        house_form(web.ask.get(f"/orders/{key}"), 404)  # it needs no broker
    assert web.order(key) == key


def test_a_locked_database_makes_503_soon(web):
    web.order()
    engine = web.shop()
    with writing(engine):
        answer, seconds = timed(web.ask, "POST", "/orders", ORDER)
        assert house_form(answer, 503).startswith("the shop's database cannot be used now, ")
        assert seconds < LIMIT_S
    engine.dispose()
    web.order()


@pytest.mark.parametrize("tables", ["there", "missing"])
def test_the_first_order_of_a_web_process_does_not_wait_for_a_locked_database(tmp_path, tables):
    with web_server(tmp_path, "cold") as web:
        engine = web.shop()
        if tables == "missing":
            with writing(engine) as database:
                database.execute(text("DROP TABLE outbox"))
        with writing(engine):
            answer, seconds = timed(web.ask, "POST", "/orders", ORDER)
            assert house_form(answer, 503) == (
                "the shop's database cannot be used now, ask again in a second: database is locked"
            )
            assert seconds < LIMIT_S
        engine.dispose()
        web.add_flight()
        web.order()
