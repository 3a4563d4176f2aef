"""The web part, as real processes: what it answers, to whom, and while its broker is away."""

import json
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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
    timed,
    web_server,
)
from tests.stack.test_result_reader import DAMAGED, ODD_INSIDE, TOO_ODD
from work.mail.mail_answers import set_answers

NOBODY = "5f0c81d2-6c3b-4b0e-9a57-0c4b8a3d5e11"  # an id that no task has
LIMIT_S = 1.0  # an answer comes sooner, whatever becomes of the broker
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # what browsers accept
AT_ONCE = 60  # requests; more than uvicorn has threads


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server without workers, shared by a module's tests."""
    with web_server(tmp_path_factory.mktemp("web"), "web") as one:
        yield one


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The same with a worker and the lab's mail server."""
    with shop_server(tmp_path_factory.mktemp("shop"), "shop") as one:
        yield one


# -- What it answers ----------------------------------------------------------------------------


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


def test_the_first_page_names_every_call(web):
    answer = web.ask.get("/")
    assert answer.headers["content-type"].startswith("text/plain")
    for path, methods in web.ask.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"\n{method.upper():<6} {path} " in answer.text


def test_a_browser_gets_the_calls_as_a_page_with_links(web):
    answer = web.ask.get("/", headers={"Accept": BROWSER})
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["vary"] == "Accept"
    for path in web.ask.get("/openapi.json").json()["paths"]:
        assert f" {path}</code>" in answer.text
    for path in ("/docs", "/openapi.json", "/healthz"):
        assert f'href="{path}"' in answer.text
        assert web.ask.get(path).status_code == 200
    assert "Flower" not in answer.text  # none runs here


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ('{"flower": "http://localhost:5556"}', 'href="http://localhost:5556">Flower</a>'),
        ('{"flower": null}', ""),
        ("no JSON", ""),
    ],
)
def test_the_page_links_the_flower_of_the_running_lab(web, state, shown):
    file = web.home / "stack.json"
    file.write_text(state)
    try:
        page = web.ask.get("/", headers={"Accept": BROWSER}).text
    finally:
        file.unlink()
    assert shown in page
    assert ("Flower" in page) == bool(shown)


def test_the_docs_load_nothing_but_files_of_this_machine(web):
    page = web.ask.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/docs/")
        assert web.ask.get(address).status_code == 200
    assert "http" not in page
    house_form(web.ask.get("/docs/main.py"), 404)
    house_form(web.ask.get("/docs/..%2fmain.py"), 404)


def test_an_unknown_path_and_a_wrong_method_are_told_in_the_house_form(web):
    assert house_form(web.ask.get("/nope"), 404) == "not found: GET /nope"
    assert house_form(web.ask.put("/send_email"), 405) == "method not allowed: PUT /send_email"


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


# -- Whom it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example.com:{port}"},
        {"Host": "localhost.example.com:{port}"},
        {"Host": "localhost:1"},
        {"Host": "localhost"},
        {"Host": ""},
        {"Origin": "https://shop.example.com"},
        {"Origin": "http://localhost.example.com:{port}"},
        {"Origin": "http://example.com#http://localhost:{port}"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
def test_a_page_from_elsewhere_cannot_send_anything(web, headers):
    before = web.waiting(), web.noted()
    headers = {name: value.format(port=web.port) for name, value in headers.items()}
    house_form(web.ask.post("/send_email", json=ADA, headers=headers), 403)
    # What a page may send without asking first: a text, or a form.
    text = headers | {"Content-Type": "text/plain"}
    house_form(
        web.ask.post(
            "/send_email", content=httpx.Request("POST", "/", json=ADA).content, headers=text
        ),
        403,
    )
    assert (web.waiting(), web.noted()) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_called_json_is_refused_whoever_sends_it(web, kind):
    before = web.waiting(), web.noted()
    content = httpx.Request("POST", "/", json=ADA).content
    headers = {"Content-Type": kind} if kind else {}
    sentence = house_form(web.ask.post("/send_email", content=content, headers=headers), 422)
    assert sentence.startswith("the body must be JSON, with the header")
    assert (web.waiting(), web.noted()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:{port}"},
        {"Host": "[::1]:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "http://127.0.0.1:5173"},
    ],
)
def test_pages_and_programs_of_this_machine_are_served(web, headers):
    headers = {name: value.format(port=web.port) for name, value in headers.items()}
    assert web.ask.post("/send_email", json=ADA, headers=headers).status_code == 202


# -- While the broker is away -------------------------------------------------------------------


@pytest.fixture
def lonely(tmp_path) -> Iterator[Web]:
    """A web server of one test, whose broker will suffer."""
    with web_server(tmp_path, "lonely") as one:
        yield one


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


def test_an_open_stream_does_not_keep_the_server_from_stopping(tmp_path):
    with web_server(tmp_path, "leaving") as one:
        environment = settings(one.home, one.broker)
        with own_web("second", APP, environment=environment, show=False) as second:
            task_id = one.send()
            with httpx.stream("GET", f"{second.url}/tasks/{task_id}/events", timeout=20) as answer:
                next(events_of(answer))
                assert second.stop(timeout_s=20) == -signal.SIGTERM  # and not SIGKILL


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    with web_server(tmp_path, "stranger") as one:
        one.redis.set(b"\xff\xfe", "else's")
        sentence = house_form(one.ask.post("/send_email", json=ADA), 503)
        assert "holds somebody else's data, and the lab leaves it alone" in sentence
        assert ":***@" in sentence
        assert one.redis.dbsize() == 1


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
