"""Workers and Beats that a lesson starts for itself: ready when they say so, gone when it ends."""

import pytest

from labkit.errors import LabError
from labkit.own.beat import own_beat
from labkit.own.workers import own_workers
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import Patient, patient

__all__ = ["patient"]

NAMES = ["own1", "own2"]
TICK = {"task": "tasks.basic_tasks.add", "schedule": 0.2, "args": [1, 2]}


@pytest.fixture
def home(patient: Patient, monkeypatch: pytest.MonkeyPatch):
    """The LAB_HOME of the test."""
    monkeypatch.setattr("labkit.own.beat.LAB_HOME", patient.home)
    return patient.home


def test_several_workers_answer_when_they_are_given_and_have_ended_afterwards(patient):
    environment = patient.environment
    with own_workers(NAMES, ["own"], "--concurrency=1", environment=environment) as workers:
        names = {worker.name for worker in workers}
        replies = patient.app.control.ping(destination=sorted(names), timeout=10, limit=len(names))
        assert {name for reply in replies for name in reply} == names
    assert [worker.process.poll() for worker in workers] == [0, 0]


def test_a_beat_sends_its_own_timetable_and_leaves_nothing_behind(patient, home):
    home.mkdir(exist_ok=True)
    before = sorted(home.iterdir())
    timetable = {"tick": TICK | {"options": {"queue": "own"}}}
    with own_beat("own", timetable, environment=patient.environment) as beat:
        wait_until(lambda: patient.client.llen("own") >= 2, what="two ticks were sent")
    # Not always 0: a TERM in the middle of a send makes Celery 5.7's Beat end with a traceback,
    # "invalid operation on closed shelf" (its handler closes the file, and the tick goes on).
    assert beat.process.poll() in {0, 1}
    left = {path for path in home.iterdir() if path.name not in {"logs", "processes"}}
    assert left == set(before)
    assert "periodic_task" not in beat.log.read_text()


def test_a_beat_that_cannot_start_is_told_in_a_sentence(patient, home):
    with (
        pytest.raises(LabError, match=r"the Beat own@.* ended with exit code 2"),
        own_beat("own", {}, "--no-such-option", environment=patient.environment),
    ):
        pass
