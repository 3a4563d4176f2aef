"""The lab's own broker after FLUSHALL or FLUSHDB: it is still the lab's, and all goes on."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from lab_home import MARK
from labkit.broker.check import client_for
from labkit.broker.server import EmbeddedBroker
from tests.stack.helpers.labs import Lab, wait_until
from tests.stack.helpers.web_parts import ADA

# A queue whose name is none of the lab's: with it, the database looks like somebody else's.
ORDERS = "orders"


@pytest.fixture(scope="module")
def flushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that is up, with workers and web app."""
    lab = Lab(tmp_path_factory.mktemp("flushed") / "home").keep_ports()
    yield lab.up("--no-beat", "--no-flower", "--no-mail", "--no-reload")
    lab.clean_up()


@pytest.fixture(params=["FLUSHALL"])
def client(flushed: Lab, request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """The broker, flushed, with a message in a queue of another name."""
    with client_for(flushed.broker_url()) as one:
        one.execute_command(request.param)
        one.lpush(ORDERS, "{}")
        assert not one.exists(MARK)
        yield one


@pytest.mark.parametrize("client", ["FLUSHALL", "FLUSHDB"], indirect=True)
def test_the_monitor_goes_on_and_sets_the_mark_again(flushed, client):
    answer = flushed.run("monitor", "--once")
    assert answer.returncode == 0, answer.stderr
    assert ORDERS in answer.stdout
    assert client.exists(MARK)


def test_the_doctor_goes_on(flushed, client):
    answer = flushed.run("doctor", "--wait=60")
    assert "answers, and its database is the lab's" in answer.stdout
    assert "somebody else's" not in answer.stdout
    assert client.exists(MARK)


def test_a_lesson_runs_on_this_lab(flushed, client):
    answer = flushed.run("run", "01")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "no lab is up" not in answer.stderr
    assert client.exists(MARK)


def test_the_web_app_goes_on(flushed, client):
    web = flushed.state()["web"]
    wait_until(lambda: httpx.get(f"{web}/healthz", timeout=10).is_success)
    assert httpx.post(f"{web}/send_email", json=ADA, timeout=10).is_success
    assert client.exists(MARK)


def test_a_restart_brings_all_parts_back(flushed, client):
    answer = flushed.run("restart")
    assert answer.returncode == 0, answer.stdout + answer.stderr + flushed.printed()
    assert flushed.run("status").stdout.count("\n") == len(["head", "broker", "lab1", "web"])
    assert client.exists(MARK)


def test_another_server_with_the_lab_s_url_is_not_the_labs(tmp_path: Path, monkeypatch):
    """Port and password alone are no proof: another server may have them since."""
    broker = EmbeddedBroker(tmp_path / "broker")
    broker.start()
    try:
        with client_for(broker.url) as client:
            client.set("customer:1", "Ada")
        left = {"url": broker.url, "run_id": "0" * 40}
        (tmp_path / "home").mkdir()
        (tmp_path / "home/broker").write_text(json.dumps(left))
        answer = Lab(tmp_path / "home").run("monitor", "--once")
        assert answer.returncode == 1
        assert "is not the lab's broker" in answer.stderr
    finally:
        broker.stop()
