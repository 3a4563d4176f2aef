"""Orders go through a real worker, real services and the outbox, to the end that they deserve."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery
from sqlalchemy import Engine, select

from labkit.own.broker import own_broker
from labkit.own.services import OwnPartners, own_partners
from labkit.own.shop import open_one, own_shop
from labkit.own.workers import own_worker
from tasks.realworld_tasks import send_unfinished_orders
from tests.stack.helpers.labs import ROOT, Lab, lab_environment, wait_until
from work.database.engine import engine_for, reading
from work.database.schema import flights
from work.orders.order_states import FINAL
from work.orders.partner_address import read_address
from work.orders.ticket_orders import FULFIL, find_order, state_of

QUEUE = "realworld"
ENDED_S = 60


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Iterator[tuple[Celery, Engine, OwnPartners]]:
    """A broker, a worker, the partner services and a shop."""
    home: Path = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("own.broker", "own.program"):
            patch.setattr(f"labkit.{module}.LAB_HOME", home)
        patch.setattr("labkit.own.shop.LAB_FILES", home)
        with own_shop("test") as shop, own_partners() as partners, own_broker("orders") as broker:
            where = broker.environment() | shop.environment() | partners.environment()
            with own_worker("orders", [QUEUE], environment=where, show=False), broker.app() as app:
                yield app, shop.engine, partners


def send(app: Celery) -> list[str]:
    """Let the worker look into the outbox; the orders that it sent."""
    task = app.send_task(send_unfinished_orders.name, queue=QUEUE)
    return task.get(timeout=ENDED_S)


def ended(engine: Engine, order: str) -> str:
    """The state in which an order ends."""
    wait_until(lambda: state_of(engine, order) in FINAL, ENDED_S, order)
    return state_of(engine, order)


def balances(partners: OwnPartners, order: str) -> list[int]:
    """How many seats, payments and tickets there are for an order."""
    books = partners.books()
    return [books[name]["balance"].get(order, 0) for name in ("seats", "cards", "mails")]


def test_an_order_is_sent_once_and_gets_its_ticket(parts):
    app, engine, partners = parts
    open_one(engine, "good", FULFIL)
    assert send(app) == ["good"]
    assert send(app) == []
    assert ended(engine, "good") == "mailed"
    assert balances(partners, "good") == [1, 1, 1]


@pytest.mark.parametrize("path", ["/seats", "/cards", "/mails"])
def test_an_order_that_somebody_refuses_is_taken_back(parts, path):
    app, engine, partners = parts
    order = f"refused{path.replace('/', '-')}"
    partners.go_wrong(path, "refuse", [order])
    open_one(engine, order, FULFIL)
    send(app)
    assert ended(engine, order) == "cancelled"
    assert balances(partners, order) == [0, 0, 0]
    found = find_order(engine, order)
    assert found and found["reason"] == f"{path[1:]} refused: no for {order}"


def test_the_id_may_come_by_its_name(parts):
    app, engine, _ = parts
    open_one(engine, "named", FULFIL)
    app.send_task(FULFIL, kwargs={"order_id": "named"}, queue=QUEUE)
    assert ended(engine, "named") == "mailed"


def test_an_unknown_order_is_an_error_that_names_it(parts):
    app, _, _ = parts
    with pytest.raises(ValueError, match="there is no order 'nobody'"):
        app.send_task(FULFIL, ["nobody"], queue=QUEUE).get(timeout=ENDED_S)


def test_lost_answers_and_busy_services_do_nothing_twice(parts):
    app, engine, partners = parts
    for path in ("/seats", "/cards", "/mails"):
        partners.go_wrong(path, "busy", ["hard"], times=1)
        partners.go_wrong(path, "hang up", ["hard"], times=1)
    open_one(engine, "hard", FULFIL)
    send(app)
    assert ended(engine, "hard") == "mailed"
    assert balances(partners, "hard") == [1, 1, 1]


@contextmanager
def lab_partners(home: Path, *before: str) -> Iterator[subprocess.Popen]:
    """`./lab partners`, when it listens.  before: words before the command, such as nohup."""
    command = [*before, sys.executable, "-m", "labkit.cli", "partners"]
    with subprocess.Popen(
        command, cwd=ROOT, env=lab_environment(home), stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            wait_until((home / "partners").exists, ENDED_S)
            yield program
        finally:
            program.terminate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_services_tell_the_lab_their_address_while_they_run(tmp_path, number):
    address = tmp_path / "partners"
    with lab_partners(tmp_path) as program:
        url = read_address(address) or ""
        wait_until(lambda: OwnPartners(url).held() == [], ENDED_S)
        program.send_signal(number)
        assert program.wait(ENDED_S) == 0
        assert program.stdout
        printed = program.stdout.read()
    assert not address.exists()
    assert "the airline flies TL101 from 2027-05-01 to 2027-05-07" in printed
    with reading(engine_for(f"sqlite:///{tmp_path}/files/shop.sqlite")) as database:
        assert len(list(database.execute(select(flights)))) == 7


def test_services_under_nohup_outlive_their_terminal(tmp_path):
    with lab_partners(tmp_path, "nohup") as program:
        url = read_address(tmp_path / "partners") or ""
        program.send_signal(signal.SIGHUP)
        assert OwnPartners(url).held() == []
        assert OwnPartners(url).held() == []


def test_the_address_of_killed_services_counts_no_more_and_down_clears_it(tmp_path):
    address = tmp_path / "partners"
    with lab_partners(tmp_path) as program:
        assert read_address(address)
        program.kill()
        program.wait(ENDED_S)
    assert address.exists()
    assert read_address(address) is None
    assert Lab(tmp_path).run("down").stdout == "nothing runs here\n"
    assert not address.exists()


def test_down_says_that_the_services_of_another_terminal_go_on(tmp_path):
    with lab_partners(tmp_path):
        assert Lab(tmp_path).run("down").stdout == (
            "no lab runs here\n`./lab partners` goes on; Ctrl-C in its terminal ends it\n"
        )
        assert read_address(tmp_path / "partners")
