"""The slow and paid API, and letters that are answered by it, also on a bad day."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from celery.backends.base import Backend
from celery.exceptions import Retry

from celery_app import app
from labkit.services.json_server import Answer
from labkit.services.slow_api import SlowApi
from tasks.realworld_tasks import answer_letters
from tests.helpers.running_service import running
from work.language_model import LOST_S, MAX_AGAIN_S, MIN_AGAIN_S, Unanswered, answer_all


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
    with running(SlowApi(sleep=lambda _s: None).respond) as url:
        yield url


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
    with running(service.respond) as url:
        monkeypatch.setenv("LETTERS_URL", url)
        yield service


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
