"""The shop on PostgreSQL: the same tables, the same lessons.

Each test has a schema of its own there, which it removes again; several may run at once.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, create_engine, text, update
from sqlalchemy.exc import OperationalError

from tests.stack.helpers.labs import Lab
from tests.stack.test_several_processes import assert_that_processes_find_the_tables
from work.database.engine import create_tables, engine_for, reading, writing
from work.database.schema import flights
from work.flights.flight_table import count, put, remove, stream
from work.flights.sample_flights import flight_dicts
from work.orders.order_states import State
from work.orders.outbox import send_due
from work.orders.ticket_orders import FULFIL, PriceChanged, move, open_order


@pytest.fixture
def shop_url(postgresql: str) -> Iterator[str]:
    """The URL of an empty schema of the test's own."""
    schema = f"lab_test_{uuid.uuid4().hex}"
    psycopg = f"postgresql+psycopg://{postgresql.partition('://')[2]}"
    engine = create_engine(psycopg, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield f"{psycopg}?options={quote(f'-csearch_path={schema}')}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture
def engine(shop_url: str) -> Iterator[Engine]:
    """The same with the shop's tables."""
    one = engine_for(shop_url)
    create_tables(one)
    yield one
    one.dispose()


def test_processes_that_start_at_the_same_moment_all_find_the_tables(shop_url):
    assert_that_processes_find_the_tables(shop_url)


def test_the_same_flights_from_many_writers_at_once_are_there_once(engine):
    rows = list(flight_dicts(1000, "XA"))

    with ThreadPoolExecutor(4) as pool:
        # In different orders: writers that lock rows in different orders block each other.
        written = list(pool.map(lambda part: put(engine, part, "north"), [rows, rows[::-1]] * 4))
    assert sum(written) == 1000
    assert put(engine, rows, "north") == 0
    assert put(engine, [row | {"seats": 7} for row in rows[:3]], "north") == 3
    assert next(iter(stream(engine, "north")))["seats"] == 7
    assert (count(engine, "north"), remove(engine, "north")) == (1000, 1000)


def test_a_stream_is_one_state_of_the_table(engine):
    put(engine, list(flight_dicts(2000, "XA")), "north")
    rows = stream(engine, "north")
    first = next(rows)
    assert remove(engine, "north") == 2000
    assert len([first, *rows]) == 2000
    assert count(engine, "north") == 0


def test_after_an_error_nothing_of_the_transaction_is_kept(engine):
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(text("DROP TABLE outbox"))
        raise RuntimeError
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM outbox")) == 0


def order_of(flight: dict[str, Any]) -> dict[str, Any]:
    """One seat on this flight, at its price."""
    names = ("flight", "day", "price_cents")
    buyer = {"seats": 1, "card": "ada-visa", "email": "ada@example.com"}
    return {name: flight[name] for name in names} | buyer


def test_of_many_that_send_and_move_an_order_at_once_one_does(engine):
    flight, *_ = flight_dicts(1, "XA")
    put(engine, [flight], "north")
    ids = [open_order(engine, **order_of(flight), order_id="TL-7") for _ in range(2)]
    assert ids == ["TL-7", "TL-7"]
    sent: list = []
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            pool.submit(send_due, engine, lambda *what: sent.append(what), 60)
        moves = [pool.submit(move, engine, "TL-7", State.NEW, State.RESERVED) for _ in range(8)]
    assert sent == [(FULFIL, ["TL-7"])]
    assert sorted(one.result() for one in moves) == [False] * 7 + [True]


def test_a_price_cannot_change_while_an_order_is_opened_at_it(engine):
    flight, *_ = flight_dicts(1, "XA")
    put(engine, [flight], "north")
    with engine.connect() as dearer, ThreadPoolExecutor(1) as pool:
        dearer.execute(update(flights).values(price_cents=1))
        opening = pool.submit(open_order, engine, **order_of(flight))
        with pytest.raises(TimeoutError):
            opening.result(timeout=1)  # it waits for whoever is changing the price
        dearer.commit()
        with pytest.raises(PriceChanged, match="the price of a seat is 1 now, got "):
            opening.result(timeout=10)


def test_an_impatient_process_does_not_wait_for_a_locked_table(engine, shop_url):
    impatient = engine_for(shop_url, 0.2)
    with engine.connect() as locker:
        locker.execute(text("LOCK TABLE flights"))
        create_tables(impatient)  # all are there: nobody is waited for
        for _ in range(2):  # also after the first transaction was taken back
            with pytest.raises(OperationalError, match="statement timeout"):
                count(impatient, "north")
    assert count(impatient, "north") == 0
    impatient.dispose()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", ["52", "53"])
def test_the_lesson_prints_what_it_promises_on_postgresql(shop_url, tmp_path: Path, number):
    Lab(tmp_path / "home", DATABASE_URL=shop_url).lesson(number, timeout_s=300)
