"""Bag fees, worked out by a real worker: what a task returns comes back, or does not."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from celery import Celery
from kombu.exceptions import EncodeError

from labkit.own.broker import own_broker
from tasks.realworld_tasks import bag_fee, heavy_bags_as_a_set
from tests.stack.helpers.labs import wait_until

TIMEOUT_S = 20  # an answer takes milliseconds; the rest is room for a busy machine


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    """An app with an empty broker of its own, and a worker in another process."""
    with own_broker("bags") as broker:
        app = broker.app()
        # region worker
        line = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--concurrency=1"]
        worker = subprocess.Popen(line, env=os.environ | broker.environment())
        try:
            wait_until(app.control.ping, what="the worker answers")
            yield app
        finally:
            worker.terminate()  # TERM: it finishes what it does
            worker.wait(TIMEOUT_S)
        # endregion


def test_what_a_task_returns_comes_back(app):
    sent = app.send_task(bag_fee.name, (2, 23), queue="realworld")
    assert sent.get(timeout=TIMEOUT_S) == 6100


def test_a_result_that_is_no_json_is_a_failure(app):
    sent = app.send_task(heavy_bags_as_a_set.name, ([8, 23, 32], 20), queue="realworld")
    with pytest.raises(EncodeError):
        sent.get(timeout=TIMEOUT_S)
