"""E-mails through the API: sent, asked for, followed, called off, and refused."""

import json
import signal
from collections.abc import Iterator

import httpx
import pytest

from labkit.own.pages import own_web
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.web_parts import (
    ADA,
    APP,
    Web,
    events_of,
    house_form,
    settings,
    shop_server,
    web,
    web_server,
)
from tests.stack.test_result_reader import DAMAGED, ODD_INSIDE, TOO_ODD
from work.mail.mail_answers import set_answers

__all__ = ["web"]

NOBODY = "5f0c81d2-6c3b-4b0e-9a57-0c4b8a3d5e11"  # an id that no task has


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server with a worker and the lab's mail server."""
    with shop_server(tmp_path_factory.mktemp("shop"), "shop") as one:
        yield one


def test_an_email_is_accepted_at_once_and_its_task_can_be_asked_for(shop):
    answer = shop.ask.post("/send_email", json=ADA)
    assert answer.status_code == 202
    task_id = answer.json()["id"]
    assert answer.headers["location"] == f"/tasks/{task_id}"
    told = shop.wait_for(task_id, "SUCCESS")
    assert told["result"]["message_id"] == f"<{task_id}@example.com>"
    assert (told["progress"], told["error"]) == (None, None)


def test_the_events_of_a_task_tell_each_change_and_then_the_end(shop):
    task_id = shop.send()
    with shop.ask.stream("GET", f"/tasks/{task_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = list(events_of(answer))
    *states, (last, end) = events
    assert {name for name, _ in states} == {"state"}
    assert states[-1][1] == shop.task(task_id)
    assert (last, end) == ("end", {"state": "SUCCESS"})


def test_an_open_stream_does_not_keep_the_server_from_stopping(tmp_path):
    with web_server(tmp_path, "leaving") as one:
        environment = settings(one.home, one.broker)
        with own_web("second", APP, environment=environment, show=False) as second:
            task_id = one.send()
            with httpx.stream("GET", f"{second.url}/tasks/{task_id}/events", timeout=20) as answer:
                next(events_of(answer))
                assert second.stop(timeout_s=20) == -signal.SIGTERM  # and not SIGKILL


def test_a_task_that_was_refused_for_good_says_why(shop):
    set_answers(shop.home / "files/mail", "bob@example.com", ["550"])
    told = shop.wait_for(shop.send(to_email="bob@example.com"), "FAILURE")
    assert told["error"].startswith("MailRefused: the mail server answered 550")
    assert told["result"] is None


def test_a_task_that_waits_can_be_called_off(shop):
    set_answers(shop.home / "files/mail", "eve@example.com", ["451"] * 9)
    task_id = shop.send(to_email="eve@example.com")
    shop.wait_for(task_id, "RETRY")
    wait_until(
        lambda: shop.ask.delete(f"/tasks/{task_id}").status_code == 409, what="it is revoked"
    )
    assert shop.task(task_id)["state"] == "REVOKED"


def test_a_task_that_has_ended_cannot_be_called_off(shop):
    task_id = shop.send()
    shop.wait_for(task_id, "SUCCESS")
    sentence = house_form(shop.ask.delete(f"/tasks/{task_id}"), 409)
    assert sentence == f"task {task_id} has ended already: SUCCESS"


def test_a_task_that_nobody_runs_yet_is_pending_and_not_unknown(web):
    task_id = web.send()
    assert web.task(task_id)["state"] == "PENDING"
    assert 0 < web.redis.ttl(f"celery_learning:web:{task_id}") <= 24 * 3600


def test_a_stored_result_that_cannot_be_read_is_503_and_a_sentence(web):
    task_id = web.send()
    read = {}
    with web.broker.client() as client:
        for text in [
            *DAMAGED,
            *TOO_ODD,
            *map(json.dumps, ODD_INSIDE),
            '{"status": "SUCCESS", "result": NaN}',
        ]:
            client.set(f"celery-task-meta-{task_id}", text)
            answer = web.ask.get(f"/tasks/{task_id}")
            stream = web.ask.get(f"/tasks/{task_id}/events") if text in TOO_ODD else answer
            assert stream.status_code == answer.status_code
            read[text] = answer.status_code
            if answer.status_code != httpx.codes.OK:
                assert (
                    house_form(answer, 503) == f"what is stored for task {task_id} cannot be read"
                )
        client.delete(f"celery-task-meta-{task_id}")
    assert {status for text, status in read.items() if text in [*DAMAGED, *TOO_ODD]} == {503}
    assert web.task(task_id)["state"] == "PENDING"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_that_was_never_sent_through_the_api_is_not_found(web, method):
    sentence = house_form(web.ask.request(method, f"/tasks/{NOBODY}"), 404)
    assert sentence == f"no task {NOBODY} was sent through this API in the last day"
    house_form(web.ask.get(f"/tasks/{NOBODY}/events"), 404)


def test_an_id_that_is_no_uuid_is_refused(web):
    for path in ("/tasks/nope", "/tasks/nope/events"):
        assert house_form(web.ask.get(path), 422).startswith("task_id: input should be a valid")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"to_email": "x", "subject": "a", "body": "b"}', "to_email must be one address such as"),
        ('{"to_email": "ada@example.com", "subject": "a"}', "body is missing"),
        ('{"to_email": "ada@example.com", "subject": "a\\nBcc: x", "body": "b"}', "subject must"),
        ('{"to_email": "ada@example.com", "subject": "a", "body": "b", "cc": 1}', "'cc' is not"),
        ('{"to_email": "a\\ud800", "subject": "a", "body": "b"}', "to_email: input should be"),
        ('{"to_email": 5, "subject": "a", "body": "b"}', "to_email: input should be a valid str"),
        ("[]", "the body: input should be a valid dictionary"),
        ("{", "the body must be JSON: "),
        ("", "the body is missing"),
    ],
)
def test_an_email_that_cannot_be_sent_is_refused_and_nothing_is_sent(web, body, sentence):
    before = web.waiting(), web.noted()
    answer = web.ask.post("/send_email", content=body, headers={"Content-Type": "application/json"})
    assert house_form(answer, 422).startswith(sentence)
    assert (web.waiting(), web.noted()) == before


@pytest.mark.parametrize("body", [b"\xc3\x28", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_cannot_be_read_is_refused(web, body):
    answer = web.ask.post("/send_email", content=body, headers={"Content-Type": "application/json"})
    house_form(answer, 400)


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(web):
    large = b"x" * 2_000_000
    json = {"Content-Type": "application/json"}
    house_form(web.ask.post("/send_email", content=large, headers=json), 413)
    pieces = iter([large[:1_000_000], large[1_000_000:]])  # sent in chunks, without a length
    house_form(web.ask.post("/send_email", content=pieces, headers=json), 413)


def test_the_longest_email_is_taken(web):
    before = web.waiting()
    web.send(body="🎫" * 100_000)  # 12 bytes each, in JSON
    assert web.waiting() == before + 1
