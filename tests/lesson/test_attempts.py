"""How long tasks waited between their attempts, by a ledger that the test fills."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from labkit.lesson import attempts
from labkit.lesson.attempts import Waits, wait_to_come, waits_between
from work.ledger import Entry

TASK: Any = SimpleNamespace(name="tasks.retry_fixed")


def ledger(*times: float) -> Any:
    """What a task wrote that began its attempts at these times, and another one at 0."""
    others = Entry("ATTEMPT", "retry_backoff", "here", 1, 1, 0)
    own = [Entry("ATTEMPT", "retry_fixed", "here", 1, 1, time) for time in times]
    return SimpleNamespace(entries=lambda: [others, *own])


def result(*, failed: bool = False) -> Any:
    return SimpleNamespace(id="a", failed=lambda: failed)


def test_the_waits_are_the_times_between_the_attempts_of_one_task():
    assert waits_between(ledger(10, 12, 15), TASK, result(), [2, 2]).waited_s == [2, 3]


def test_a_task_that_has_failed_is_not_waited_for():
    assert not waits_between(ledger(10), TASK, result(failed=True), [2, 2]).as_many


def test_a_wait_is_late_by_what_it_took_longer_than_asked():
    assert Waits([2, 2], [2.5, 1.5]).late_s == [0.5, -0.5]


@pytest.mark.parametrize("waited_s", [[1], [1, 2, 3]])
def test_another_number_of_waits_than_asked_for_is_not_as_many(waited_s):
    assert not Waits([1, 2], waited_s).as_many


def test_the_wait_to_come_is_read_from_the_message_that_a_worker_holds(monkeypatch):
    held = SimpleNamespace(message=SimpleNamespace(eta=datetime.fromtimestamp(190, UTC)))
    monkeypatch.setattr(attempts, "find_unacked", lambda *_: SimpleNamespace(found=held))
    assert wait_to_come(ledger(10), TASK, result()) == 180
