"""Orders that wait for partner services: what the doctor says, from a real database."""

import os
import socket

import pytest

from labkit.doctor.orders import order_findings
from labkit.own.shop import open_one, own_shop
from work.database.engine import writing
from work.database.schema import orders
from work.orders.partner_address import read_address, write_address

HINT = "./lab partners"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A shop with one flight, which the doctor looks at; no partner services."""
    monkeypatch.delenv("PARTNERS_URL", raising=False)
    monkeypatch.setattr("labkit.own.shop.LAB_FILES", tmp_path)
    monkeypatch.setattr("labkit.doctor.orders.PARTNERS_FILE", tmp_path / "partners")
    with own_shop("doctor") as one:
        monkeypatch.setattr("labkit.doctor.orders.DATABASE_URL", one.url)
        yield one


def test_orders_that_wait_for_nobody_are_found(shop):
    assert order_findings() == []
    open_one(shop.engine, "TL-1", "some.task")
    (found,) = order_findings()
    assert found.sentence == "1 order of the shop waits, and the partner services are not up"
    assert (found.kind, found.hint) == ("wrong", HINT)
    open_one(shop.engine, "TL-2", "some.task")
    assert order_findings()[0].sentence.startswith("2 orders of the shop wait, ")


def test_orders_that_are_over_wait_for_nobody(shop):
    open_one(shop.engine, "TL-1", "some.task")
    with writing(shop.engine) as database:
        database.execute(orders.update().values(state="mailed"))
    assert order_findings() == []


def test_nothing_is_said_while_the_services_answer(shop, tmp_path):
    open_one(shop.engine, "TL-1", "some.task")
    with socket.create_server(("127.0.0.1", 0)) as listens:
        url = f"http://127.0.0.1:{listens.getsockname()[1]}"
        write_address(tmp_path / "partners", url)
        assert order_findings() == []
    (found,) = order_findings()
    assert f"nobody answers at {url}" in found.sentence


def test_no_database_is_made_by_looking_for_one(tmp_path, monkeypatch):
    file = tmp_path / "shop.sqlite"
    monkeypatch.setattr("labkit.doctor.orders.DATABASE_URL", f"sqlite:///{file}")
    assert order_findings() == []
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "http://127.0.0.1:9", "[]", '{"url": "x"}', '{"pid": "x"}'])
def test_an_address_file_without_a_writer_counts_for_nothing(tmp_path, text):
    (tmp_path / "partners").write_text(text)
    assert read_address(tmp_path / "partners") is None


def test_the_address_of_a_process_with_our_number_and_another_start_counts_for_nothing(tmp_path):
    file = tmp_path / "partners"
    write_address(file, "http://127.0.0.1:9")
    assert read_address(file) == "http://127.0.0.1:9"
    file.write_text(f'{{"url": "http://127.0.0.1:9", "pid": {os.getpid()}, "started": 1.0}}')
    assert read_address(file) is None
