"""Every state that workers report, in order, also those that the next one has overwritten.

The result backend keeps one state for each task: the last one.  But with each one that it
stores, it also publishes a message, and that is what this reads.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.states import READY_STATES

from celery_app import app
from labkit.errors import LabError

TIMEOUT_S = 10  # for a report about a task that has ended already: it comes in milliseconds
LATER_S = 0.5  # a task that was sent although it should not be starts in milliseconds, too


class StateReports:
    """What was reported since the subscription began, by task id."""

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self._reports: dict[str, list[dict[str, Any]]] = {}

    def of(self, task_id: str) -> list[dict[str, Any]]:
        """The reports about a task, up to its last one: {"status": "STARTED", "result": ...}.

        Waits for the last one; raises LabError if it does not come in TIMEOUT_S seconds.
        """
        deadline = time.monotonic() + TIMEOUT_S
        reports = self._reports.setdefault(task_id, [])
        while not reports or reports[-1]["status"] not in READY_STATES:
            if time.monotonic() > deadline:
                raise LabError(
                    f"no worker reported the end of task {task_id} in {TIMEOUT_S} s", "./lab status"
                )
            self._read(1)
        return reports

    def also_later(self, task_id: str) -> list[dict[str, Any]]:
        """The same, and what comes after the last one, although nothing should: for LATER_S."""
        reports = self.of(task_id)
        deadline = time.monotonic() + LATER_S
        while (left_s := deadline - time.monotonic()) > 0:
            self._read(left_s)
        return reports

    def _read(self, timeout_s: float) -> None:
        """Read one report, if one comes in that time."""
        message = self._subscription.get_message(timeout=timeout_s)
        if message and message["type"] == "pmessage":
            report = json.loads(message["data"])
            self._reports.setdefault(report["task_id"], []).append(report)

    def who_started(self, task_id: str) -> tuple[int, str]:
        """(pid, worker name) of the process that did a task; see of() for errors."""
        started = next(one["result"] for one in self.of(task_id) if one["status"] == "STARTED")
        return started["pid"], started["hostname"]

    def ran_elsewhere(self, task_id: str) -> bool:
        """True if another process than this one did a task; see of() for errors.

        Two machines, or two containers, can both have a process of one number.
        """
        pid, worker = self.who_started(task_id)
        return (worker.partition("@")[2], pid) != (socket.gethostname(), os.getpid())


@contextmanager
def state_reports() -> Iterator[StateReports]:
    """Read the reports about every task that is sent inside the `with` block."""
    backend: Any = app.backend
    subscription = backend.client.pubsub()
    try:
        subscription.psubscribe(backend.get_key_for_task("*"))
        subscription.get_message(timeout=TIMEOUT_S)  # the server's word that it has subscribed us
        yield StateReports(subscription)
    finally:
        subscription.close()
