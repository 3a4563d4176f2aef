"""The API while its broker is away, or is somebody else's: an error at once, and no wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery

from tests.stack.helpers.web_parts import ADA, Web, events_of, house_form, timed, web_server
from web import broker

LIMIT_S = 1.0  # an answer comes sooner, whatever becomes of the broker
AT_ONCE = 60  # requests; more than uvicorn has threads


@pytest.fixture
def lonely(tmp_path) -> Iterator[Web]:
    """A web server of one test, whose broker will suffer."""
    with web_server(tmp_path, "lonely") as one:
        yield one


def test_short_waits_are_added_to_the_transport_options_that_are_there(monkeypatch):
    app = Celery("shop", set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "shop:"}
    app.conf.result_backend_transport_options = {"global_keyprefix": "shop:"}
    monkeypatch.setattr(broker, "celery", app)
    broker.hurry()
    assert app.conf.broker_transport_options["global_keyprefix"] == "shop:"
    assert app.conf.broker_transport_options["max_retries"] == 0
    assert app.conf.result_backend_transport_options == {
        "global_keyprefix": "shop:",
        "retry_policy": {"max_retries": 0},
    }


def requests(task_id: str) -> list[tuple[str, str]]:
    """Every call that needs the broker."""
    path = f"/tasks/{task_id}"
    return [
        ("GET", "/healthz"),
        ("POST", "/send_email"),
        ("GET", path),
        ("GET", f"{path}/events"),
        ("DELETE", path),
    ]


def test_a_frozen_broker_makes_503_within_a_second_also_for_many_at_once(lonely):
    task_id = lonely.send()
    calls = requests(task_id)
    with lonely.frozen_broker():
        for method, path in calls:
            answer, seconds = timed(lonely.ask, method, path)
            assert house_form(answer, 503).startswith("the broker does not answer")
            assert seconds < LIMIT_S
            assert answer.headers["retry-after"] == "1"
        with ThreadPoolExecutor(AT_ONCE) as many:
            together = [many.submit(timed, lonely.ask, *calls[n % 5]) for n in range(AT_ONCE)]
        assert {one.result()[0].status_code for one in together} == {503}
        assert lonely.ask.get("/openapi.json").status_code == 200  # it needs no broker
    assert lonely.ask.get("/healthz").json() == {"broker": "answers"}
    assert lonely.waiting() == 1
    lonely.send()
    assert lonely.waiting() == 2


def test_a_broker_that_is_gone_makes_503_and_one_that_is_back_is_used_again(lonely):
    task_id = lonely.send()
    lonely.broker.kill()
    for method, path in requests(task_id):
        answer, seconds = timed(lonely.ask, method, path)
        assert house_form(answer, 503).startswith("the broker does not answer")
        assert seconds < LIMIT_S
    lonely.broker.restart()
    assert lonely.task(task_id)["state"] == "PENDING"
    lonely.send()
    assert lonely.waiting() == 2


def test_a_stream_of_events_tells_of_a_broker_that_is_away_and_goes_on_when_it_is_back(lonely):
    task_id = lonely.send()
    with lonely.ask.stream("GET", f"/tasks/{task_id}/events") as answer:
        events = events_of(answer)
        assert next(events)[0] == "state"
        with lonely.frozen_broker():
            name, trouble = next(events)
            assert name == "trouble" and set(trouble) == {"error", "hint"}
        name, told = next(events)
        assert (name, told["state"]) == ("state", "PENDING")


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    with web_server(tmp_path, "stranger") as one:
        one.redis.set(b"\xff\xfe", "else's")
        sentence = house_form(one.ask.post("/send_email", json=ADA), 503)
        assert "holds somebody else's data, and the lab leaves it alone" in sentence
        assert ":***@" in sentence
        assert one.redis.dbsize() == 1
