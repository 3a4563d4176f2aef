"""What a worker with --pool=gevent can stop, as chapter 2 says: where a task waits."""

from collections.abc import Iterator

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError, TimeLimitExceeded

from labkit.own.workers import Worker, own_worker
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import Patient, patient
from work.ledger import Ledger

__all__ = ["patient"]

pytest.importorskip("gevent")


@pytest.fixture
def worker(patient: Patient) -> Iterator[Worker]:
    with own_worker(
        "own", ["own"], "--pool=gevent", "--concurrency=4", environment=patient.environment
    ) as one:
        yield one


@pytest.fixture
def app(patient: Patient) -> Iterator[Celery]:
    """Sends, and asks for results."""
    with Celery(broker=patient.url, backend=patient.url, set_as_current=False) as one:
        yield one


def events(patient: Patient) -> list[str]:
    return [one.event for one in Ledger(patient.home / "files" / "ledgers", "run").entries()]


def test_gevent_has_the_hard_limit_and_no_soft_one(patient, worker, app):
    task = "tasks.advanced_tasks.limits.import_fares"  # its limits are 1 s and 2 s
    result = app.send_task(task, ("run", "tern", 200), queue="own")
    assert isinstance(result.get(timeout=30, propagate=False), TimeLimitExceeded)
    assert "Hard time limit (2s) exceeded" in worker.log.read_text()
    assert (patient.home / "files" / "fares" / "run-tern.csv").exists()  # no soft limit removed it
    assert events(patient) == ["START"]


def test_terminate_stops_a_task_of_gevent(patient, worker, app):
    result = app.send_task(
        "tasks.advanced_tasks.desk.report_sales", ("run", "OSL-1", 1), queue="own"
    )
    wait_until(lambda: events(patient) == ["START"], what="the task has begun")
    app.control.revoke(result.id, destination=[worker.name], terminate=True, reply=True, timeout=5)
    assert isinstance(result.get(timeout=30, propagate=False), TaskRevokedError)
    later = app.send_task("tasks.basic_tasks.nap", (1.5,), queue="own")
    assert later.get(timeout=30) >= 1.5
    assert events(patient) == ["START"]
