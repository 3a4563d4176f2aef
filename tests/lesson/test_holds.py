"""What is noted of messages: when they were taken, and when no worker had them any more."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from labkit.broker.messages import Message
from labkit.broker.queues import Unacked
from labkit.lesson.holds import look, watch_messages
from labkit.lesson.setup import Setup
from labkit.lesson.setups import Setups
from labkit.own import facts
from labkit.waiting import wait_until
from work.ledger import Ledger

ENOUGH_S = 5  # a look comes each 0.05 s


class Looks:
    """A setup to which TL-1 was sent, and what Redis says of it at each look."""

    def __init__(self, folder: Any) -> None:
        nobody: Any = None
        self.setup = Setup("one", "q", Ledger(folder, "run"), line=nobody, client=nobody, app=None)
        self.setup.results["TL-1"] = SimpleNamespace(id="id-1")  # type: ignore[assignment]
        self.taken_at: float | None = None
        self.before: dict[str, float] = {}

    def unacked(self, _client: Any) -> dict[str, Unacked]:
        def unacked(task_id: str, moment: float) -> Unacked:
            return Unacked(Message(task_id, "print_ticket", {}, {}, ""), "q", moment)

        others = {"other": unacked("of-somebody-else", 1.0)}
        return others | ({"tag": unacked("id-1", self.taken_at)} if self.taken_at else {})

    def look(self, taken_at: float | None) -> None:
        self.taken_at = taken_at
        self.before = look(self.setup, self.before)

    @property
    def noted(self) -> list[tuple[float, str, str]]:
        return [(moment, what, job) for moment, what, job, _ in sorted(facts._messages)]


@pytest.fixture
def redis_says(tmp_path, monkeypatch):
    looks = Looks(tmp_path)
    monkeypatch.setattr(facts, "_messages", set())
    monkeypatch.setattr("labkit.lesson.holds.taken_first", looks.unacked)
    return looks


def test_a_message_that_is_taken_again_came_back_before(redis_says):
    for taken_at in (10.0, 10.0, 13.5, 13.5):
        redis_says.look(taken_at)
    assert redis_says.noted == [
        (10.0, "TAKEN", "TL-1"),
        (13.5, "LEFT", "TL-1"),
        (13.5, "TAKEN", "TL-1"),
    ]


def test_a_message_that_no_worker_has_any_more_left_now(redis_says):
    before = time.time()
    redis_says.look(10.0)
    redis_says.look(None)
    redis_says.look(None)
    assert [what for _, what, _ in redis_says.noted] == ["TAKEN", "LEFT"]
    assert before <= redis_says.noted[-1][0] <= time.time()


def test_messages_are_watched_until_the_workers_stop(redis_says):
    setups = Setups([redis_says.setup], [redis_says.setup])
    watch_messages(setups)
    redis_says.taken_at = 10.0
    assert wait_until(lambda: redis_says.noted, ENOUGH_S) == [(10.0, "TAKEN", "TL-1")]
    setups.stop()
    redis_says.taken_at = 20.0
    assert not wait_until(lambda: len(redis_says.noted) > 1, timeout_s=0.2)
