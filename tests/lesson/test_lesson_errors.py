"""What a lesson says when its main() ends by an error of somebody else's."""

import pytest
from kombu.serialization import dumps

from labkit.broker.server import free_port
from labkit.lesson import run


def broken() -> None:
    raise RuntimeError("the connection is lost")


def test_a_broker_that_went_away_is_one_sentence(monkeypatch):
    monkeypatch.setattr(run, "REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    said = run._run(broken, [])
    assert said.startswith("error: no broker answers at redis://127.0.0.1:")
    assert said.endswith("hint: ./lab up")


def test_a_mistake_in_a_lesson_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(run, "check_redis", lambda _url: "ours")
    with pytest.raises(RuntimeError, match="the connection is lost"):
        run._run(broken, [])


def test_an_argument_that_is_no_json_is_one_sentence():
    def send_a_set() -> None:
        dumps({1, 2}, "json")

    said = run._run(send_a_set, [])
    assert said.startswith("error: an argument cannot be written as JSON, so nothing was sent: ")
    assert "Object of type set is not JSON serializable" in said
