"""The shop's database on SQLite: several processes and threads at once, and whole or nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, exc, func, insert, select, text

from work.database.engine import create_tables, engine_for, reading, writing
from work.database.schema import flights, orders

FLIGHT = {
    "flight": "TL101", "day": date(2027, 1, 31), "origin": "AMS", "destination": "OSL",
    "departs": "07:30", "seats": 180, "price_cents": 12900, "source": "north",
}  # fmt: skip
ORDER = {
    "id": "TL-7", "flight": "TL101", "day": date(2027, 1, 31), "seats": 2, "price_cents": 12900,
    "card": "ada-visa", "email": "ada@example.com",
}  # fmt: skip


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/a folder/shop.sqlite"


@pytest.fixture
def shop(url) -> Engine:
    engine = engine_for(url)
    create_tables(engine)
    return engine


def test_where_all_tables_are_there_nobody_is_waited_for(url, shop):
    with writing(shop):
        create_tables(engine_for(url, 0.01))


def test_an_impatient_writer_gives_up_soon(url, shop):
    impatient = writing(engine_for(url, 0.01))
    locked = pytest.raises(exc.OperationalError, match="database is locked")
    with writing(shop), locked, impatient:
        pass


def test_writers_wait_for_each_other_and_nothing_is_lost(shop):
    def add(number: int) -> None:
        with writing(shop) as connection:
            before = connection.scalar(select(func.count()).select_from(flights))
            row = FLIGHT | {"flight": f"TL{number}", "seats": before}
            connection.execute(insert(flights), row)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(100)))
    with reading(shop) as connection:
        # Each one saw what all before it had written: no two counted the same.
        assert sorted(connection.scalars(select(flights.c.seats))) == list(range(100))


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_its_work(shop):
    with writing(shop) as writer:
        writer.execute(insert(flights), FLIGHT)
        with reading(shop) as reader:
            assert reader.scalar(select(func.count()).select_from(flights)) == 0
    with reading(shop) as reader:
        assert reader.scalar(select(func.count()).select_from(flights)) == 1


def test_after_an_error_nothing_of_the_transaction_is_kept(shop):
    def fail() -> None:
        with writing(shop) as connection:
            connection.execute(insert(flights), FLIGHT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with reading(shop) as connection:
        assert connection.scalar(select(func.count()).select_from(flights)) == 0


def test_an_order_needs_a_flight_that_is_there(shop):
    with pytest.raises(exc.IntegrityError, match="FOREIGN KEY"), writing(shop) as connection:
        connection.execute(insert(orders), ORDER)


def test_a_time_comes_back_in_utc_from_whatever_zone_it_was_written(shop):
    in_shanghai = datetime(2027, 1, 31, 15, 30, tzinfo=timezone(timedelta(hours=8)))
    with writing(shop) as connection:
        connection.execute(insert(flights), FLIGHT)
        connection.execute(insert(orders), ORDER | {"created_at": in_shanghai})
    with reading(shop) as connection:
        created_at, updated_at = connection.execute(
            select(orders.c.created_at, orders.c.updated_at)
        ).one()
    assert created_at == in_shanghai and created_at.tzinfo is UTC
    assert abs(datetime.now(UTC) - updated_at) < timedelta(minutes=5)


def test_a_time_without_a_zone_is_refused(shop):
    with (
        pytest.raises(exc.StatementError, match="a time must have a zone"),
        writing(shop) as connection,
    ):
        connection.execute(insert(orders), ORDER | {"created_at": datetime(2027, 1, 31)})


def test_the_file_has_a_write_ahead_log(shop):
    with shop.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
