"""The forms of a retry: how often each tries, how long it waits, and what it refuses."""

import pytest
from celery.exceptions import Retry

from tasks.advanced_tasks import (
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
    retry_swallowed,
)

FORMS = [
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
]


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
def test_each_form_stops_at_the_answer(ledger, task):
    assert task.apply(("run", 3)).get() == "answered at attempt 3"
    assert len(ledger.entries()) == 3


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
def test_each_form_makes_four_attempts_at_most(ledger, task):
    outcome = task.apply(("run", 99))
    assert (outcome.state, str(outcome.result)) == ("FAILURE", "not ready at attempt 4")
    assert [entry.job for entry in ledger.entries()] == [task.name.rpartition(".")[2]] * 4


@pytest.mark.parametrize("task", FORMS, ids=lambda task: task.name)
@pytest.mark.parametrize("ready_at", [0, "x", None, 1.5, float("nan"), True])
def test_an_attempt_that_cannot_be_is_refused_and_not_tried_again(ledger, task, ready_at):
    outcome = task.apply(("run", ready_at))
    assert type(outcome.result) is ValueError
    assert str(outcome.result) == f"ready_at must be 1 or more, got {ready_at!r}"
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize(
    ("task", "retries", "countdowns"),
    [
        (retry_by_hand, [0, 1, 2], [5, 5, 5]),
        (retry_doubled, [0, 1, 2], [1, 2, 4]),
        (retry_fixed, [0, 1, 2], [2, 2, 2]),
        (retry_backoff, [0, 1, 2], [1, 2, 4]),
        (retry_default, [0, 1, 2], [180, 180, 180]),
        (retry_swallowed, [0, 1, 2], [1, 1, 1]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_form_waits_as_it_says(ledger, monkeypatch, task, retries, countdowns):
    assert [waits_s(monkeypatch, task, number) for number in retries] == countdowns


def test_a_wait_drawn_by_chance_is_never_longer_than_without(ledger, monkeypatch):
    drawn = [waits_s(monkeypatch, retry_jitter, 2) for _ in range(50)]
    assert set(drawn) <= {0, 1, 2, 3, 4}
    assert len(set(drawn)) > 1


def waits_s(monkeypatch, task, retries):
    """The countdown with which a task asks for its next attempt, after so many retries."""
    asked = []

    def retry(*_, countdown=None, **__):
        asked.append(task.default_retry_delay if countdown is None else countdown)
        raise Retry

    with monkeypatch.context() as patch:
        patch.setattr(task, "retry", retry)
        task.push_request(retries=retries, called_directly=False)
        try:
            task.run("run", 99)
        except Retry:
            pass
        finally:
            task.pop_request()
    return asked[0]


def test_the_swallowed_retry_is_the_one_that_says_success_after_a_failed_attempt(
    ledger, monkeypatch
):
    monkeypatch.setattr(retry_swallowed, "retry", lambda **_: Retry())
    assert retry_swallowed("run", 99) == "ended well, it says"
