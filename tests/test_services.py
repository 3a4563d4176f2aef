"""The lab's services do what real ones do, also when they are told to fail."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from celery.backends.base import Backend
from celery.exceptions import Retry

from celery_app import app
from labkit.services.partners import PartnerServices
from labkit.services.server import MAX_BODY_BYTES, Answer, Server
from labkit.services.slow_api import SlowApi
from tasks.realworld_tasks import answer_letters
from work.letters import LOST_S, MAX_AGAIN_S, MIN_AGAIN_S, Unanswered, answer_all
from work.partners import Busy, Partners, Refused, WrongRequest


class Running:
    """A service that runs in a thread of this process."""

    def __init__(self, respond) -> None:
        self.server = Server(respond)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def services() -> PartnerServices:
    return PartnerServices(work_s=0)


@pytest.fixture
def url(services) -> Iterator[str]:
    running = Running(services.respond)
    yield running.url
    running.stop()


def go_wrong(services: PartnerServices, **fault) -> None:
    answer = services.respond("POST", "/faults", "", fault)
    assert answer and answer[0] == 201


def test_a_key_that_is_known_changes_nothing_and_gets_the_same_answer(services, url):
    partners = Partners(url)
    assert partners.seats.do("TL-1") == partners.seats.do("TL-1")
    assert services.books["seats"].done == {"TL-1": 1}


def test_without_keys_each_request_is_a_new_one(services, url):
    partners = Partners(url, keys=False)
    assert partners.seats.do("TL-1") != partners.seats.do("TL-1")
    assert services.books["seats"].balance == {"TL-1": 2}


def test_a_refusal_is_final_and_says_why(services, url):
    go_wrong(services, path="/cards", fault="refuse", orders=["TL-1"])
    for _ in range(2):
        with pytest.raises(Refused, match="cards refused: no for TL-1"):
            Partners(url).cards.do("TL-1")
    assert not services.books["cards"].done


@pytest.mark.parametrize(
    ("number", "error"),
    [
        *((number, Refused) for number in (402, 410)),
        *((number, Busy) for number in (408, 409, 423, 425, 429, 500, 502, 503, 504)),
        *((number, WrongRequest) for number in (302, 400, 401, 403, 404, 405, 418, 422)),
    ],
)
def test_only_an_agreed_number_is_a_refusal_and_the_others_wait_or_need_somebody(number, error):
    running = Running(lambda *_request: (number, {}, {"reason": "because"}))
    try:
        for ask in (Partners(running.url).cards.do, Partners(running.url).cards.undo):
            with pytest.raises(error, match=r"because|answered \d+$"):
                ask("TL-1")
    finally:
        running.stop()


def test_a_busy_service_has_done_nothing(services, url):
    go_wrong(services, path="/cards", fault="busy", orders=["TL-1"], times=1)
    with pytest.raises(Busy, match="cards answered 503"):
        Partners(url).cards.do("TL-1")
    assert not services.books["cards"].done
    Partners(url).cards.do("TL-1")


def test_a_service_that_hangs_up_has_done_it_and_the_key_makes_the_second_time_harmless(
    services, url
):
    go_wrong(services, path="/cards", fault="hang up", orders=["TL-1"], times=1)
    with pytest.raises(Busy, match="cards gave no answer: RemoteProtocolError"):
        Partners(url).cards.do("TL-1")
    Partners(url).cards.do("TL-1")
    assert services.books["cards"].done == {"TL-1": 1}


def test_a_service_that_is_not_there_is_busy(url, services):
    with pytest.raises(Busy, match="seats gave no answer: ConnectError"):
        Partners("http://127.0.0.1:1").seats.do("TL-1")


def test_a_request_that_comes_after_its_undoing_is_refused(services, url):
    partners = Partners(url)
    partners.cards.undo("TL-1")
    with pytest.raises(Refused, match="cards-TL-1 was undone"):
        partners.cards.do("TL-1")
    assert not services.books["cards"].done


def test_a_held_answer_comes_after_go_and_the_work_is_done_before(services, url):
    go_wrong(services, path="/seats", fault="hold", prefix="TL-", times=1)
    asking = threading.Thread(target=Partners(url).seats.do, args=("TL-1",))
    asking.start()
    while not services.held:
        asking.join(0.01)
    assert services.books["seats"].done == {"TL-1": 1}
    httpx.post(f"{url}/go", json={})
    asking.join()
    assert not services.held


def test_a_fault_strikes_each_named_order_so_often_and_a_prefix_in_all(services):
    go_wrong(services, path="/seats", fault="busy", orders=["A-1", "A-2"], times=1)
    go_wrong(services, path="/seats", fault="busy", prefix="B-", times=1)

    def numbers(*orders: str) -> list[int]:
        answers = [services.respond("POST", "/seats", "", {"order": order}) for order in orders]
        return [answer[0] for answer in answers if answer]

    assert numbers("A-1", "A-1", "A-2", "A-2", "A-3") == [503, 201, 503, 201, 201]
    assert numbers("B-1", "B-2") == [503, 201]


@pytest.mark.parametrize(
    ("method", "path", "content", "number"),
    [
        ("GET", "/nowhere", None, 404),
        ("POST", "/trains", {"order": "TL-1"}, 404),
        ("POST", "/seats/redo", {"order": "TL-1"}, 404),
        ("POST", "/seats", ["TL-1"], 400),
        ("POST", "/seats", {"order": 7}, 400),
        ("POST", "/faults", {"path": "/seats", "fault": "explode"}, 400),
        ("POST", "/faults", {"wrong": 1}, 400),
        ("POST", "/faults", [], 400),
    ],
)
def test_what_no_service_knows_is_refused(url, method, path, content, number):
    assert httpx.request(method, url + path, json=content).status_code == number


@pytest.mark.parametrize("body", [b"no json", b"x" * (MAX_BODY_BYTES + 1)])
def test_a_body_that_is_no_json_or_too_long_is_refused(url, body):
    assert httpx.post(f"{url}/seats", content=body).status_code == 400


class Clock:
    """A time that moves only where a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def ask(api: SlowApi, *letters: str) -> list[int]:
    """The numbers of the answers; 0 where the service has hung up."""
    answers = [api.respond("POST", "/answers", one, {"letter": one}) for one in letters]
    return [answer[0] if answer else 0 for answer in answers]


def bill(api: SlowApi) -> dict:
    answer = api.respond("GET", "/bill", "", None)
    assert answer
    return answer[2]


def test_the_slow_api_refuses_the_eleventh_call_of_any_second():
    clock = Clock()
    api = SlowApi(clock, sleep=lambda _s: None)
    assert ask(api, *"abcdefghijk") == [200] * 10 + [429]
    clock.now += 0.999
    answer = api.respond("POST", "/answers", "l", {"letter": "l"})
    assert answer and (answer[0], answer[1]) == (429, {"Retry-After": "1"})
    clock.now += 0.001
    assert ask(api, *"mnopqrstuvw") == [200] * 10 + [429]
    assert (bill(api)["calls"], bill(api)["refused"], bill(api)["refused_later"]) == (20, 3, 0)


def test_the_slow_api_bills_a_key_once_also_when_its_answer_got_lost():
    api = SlowApi(Clock(), sleep=lambda _s: None)
    api.respond("POST", "/reset", "", {"hang_up": 1})
    assert ask(api, "a", "a", "b", "b") == [0, 200, 200, 200]
    assert bill(api)["paid"] == {"a": 1, "b": 1}


def test_the_slow_api_bills_each_call_without_a_key():
    api = SlowApi(Clock(), sleep=lambda _s: None)
    for _ in range(2):
        api.respond("POST", "/answers", "", {"letter": "a"})
    assert bill(api)["paid"] == {"a": 2}


@pytest.fixture
def letters_url() -> Iterator[str]:
    running = Running(SlowApi(sleep=lambda _s: None).respond)
    yield running.url
    running.stop()


def test_what_is_refused_is_asked_for_later_and_the_rest_is_kept(letters_url):
    found = answer_all(letters_url, list("abcdefghijkl"), bucket=None)
    assert (len(found.answers), found.retry_after_s) == (10, 1)


def test_a_lost_answer_is_missing_and_the_second_time_it_is_not_paid_again(letters_url):
    httpx.post(f"{letters_url}/reset", json={"hang_up": 1})
    found = answer_all(letters_url, ["a"], bucket=None)
    assert (found.answers, found.retry_after_s) == ({}, LOST_S)
    assert answer_all(letters_url, ["a"], bucket=None).answers == {"a": "Dear a, ..."}
    assert httpx.get(f"{letters_url}/bill").json()["paid"] == {"a": 1}


class Moody:
    """A service of letters that gives each the answer which its name asks for: `busy-503`."""

    def __init__(self, retry_after: str = "2") -> None:
        self.headers = {"Retry-After": retry_after}
        self.asked: list[str] = []

    def respond(self, _method: str, _path: str, _key: str, content: dict) -> Answer:
        letter = content["letter"]
        self.asked.append(letter)
        word, _, number = letter.partition("-")
        if word == "busy":
            return int(number), self.headers, {"reason": "not now"}
        return 200, {}, {"letter": letter, "answer": f"Dear {letter}"}


@pytest.fixture
def moody(monkeypatch) -> Iterator[Moody]:
    service = Moody()
    running = Running(service.respond)
    monkeypatch.setenv("LETTERS_URL", running.url)
    yield service
    running.stop()


@pytest.fixture
def retries(monkeypatch) -> list[dict]:
    """What the task hands to self.retry, instead of a message."""
    asked: list[dict] = []

    def note(**what) -> Retry:
        asked.append(what)
        return Retry()

    monkeypatch.setattr(answer_letters, "retry", note)
    return asked


@pytest.mark.parametrize(
    ("retry_after", "countdown"),
    [
        ("0", MIN_AGAIN_S),
        ("-1", MIN_AGAIN_S),
        ("2.5", 2.5),
        ("1e9", MAX_AGAIN_S),
        ("nan", LOST_S),
        ("inf", LOST_S),
        ("-inf", LOST_S),
        ("soon", LOST_S),
    ],
)
def test_a_refused_letter_is_asked_for_again_whatever_the_service_says_about_the_moment(
    moody, retries, retry_after, countdown
):
    moody.headers["Retry-After"] = retry_after
    with pytest.raises(Retry):
        answer_letters(["fine-1", "busy-429"], limited=False)
    (retry,) = retries
    assert retry["countdown"] == countdown
    assert retry["args"] == (["fine-1", "busy-429"], {"fine-1": "Dear fine-1"}, False)


@pytest.mark.parametrize("number", [502, 503, 504])
def test_a_service_that_is_not_well_is_asked_again_and_what_is_paid_is_kept(moody, retries, number):
    with pytest.raises(Retry):
        answer_letters(["fine-1", f"busy-{number}", "fine-2"], limited=False)
    assert sorted(retries[0]["args"][1]) == ["fine-1", "fine-2"]


@pytest.mark.parametrize("number", [400, 401, 500])
def test_an_error_that_waiting_does_not_heal_is_raised_with_the_answers_that_are_paid(
    moody, retries, number
):
    letters = [f"busy-{number}", "fine-1", "fine-2"]
    with pytest.raises(Unanswered, match=f"HTTPStatusError: .*{number}") as error:
        answer_letters(letters, limited=False)
    assert error.value.answers == {"fine-1": "Dear fine-1", "fine-2": "Dear fine-2"}
    assert sorted(moody.asked) == sorted(letters) and not retries


def test_a_bucket_that_cannot_be_asked_keeps_what_is_paid(moody):
    class Bucket:
        left = 1

        def reserve(self) -> float:
            self.left -= 1
            if self.left < 0:
                raise ConnectionError("Redis is away")
            return 0

    found = answer_all(str(os.environ["LETTERS_URL"]), ["fine-1", "fine-2"], Bucket())  # type: ignore[arg-type]
    assert found.answers == {"fine-1": "Dear fine-1"}
    assert str(found.error) == "Redis is away"


def test_the_answers_that_are_paid_outlive_the_way_through_the_result_backend():
    backend = Backend(app)
    stored = backend.decode(backend.encode(backend.prepare_exception(Unanswered("no", {"a": "b"}))))
    error: Any = backend.exception_to_python(stored)
    assert (type(error), str(error), error.answers) == (Unanswered, "no", {"a": "b"})


@pytest.mark.parametrize("letters", ["letter-7", [7], ["a\nb"], [""], [None]])
def test_what_is_no_list_of_ids_is_refused_before_anything_is_asked(letters):
    with pytest.raises(ValueError, match="letters must be a list of ids such as 'letter-7', got"):
        answer_all("http://127.0.0.1:1", letters, bucket=None)


def test_without_a_service_the_task_says_which_setting_is_missing(monkeypatch):
    monkeypatch.delenv("LETTERS_URL", raising=False)
    with pytest.raises(ValueError, match="LETTERS_URL must name a service"):
        answer_letters(["letter-7"])


def test_the_task_returns_the_answers_that_it_had_and_the_new_ones(monkeypatch, letters_url):
    monkeypatch.setenv("LETTERS_URL", letters_url)
    answers = answer_letters(["a", "b"], {"a": "known"}, limited=False)
    assert answers == {"a": "known", "b": "Dear b, ..."}
    assert httpx.get(f"{letters_url}/bill").json()["paid"] == {"b": 1}
