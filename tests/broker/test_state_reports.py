"""The reports about states, read from a subscription that the test fills."""

import json
import os
import socket

import pytest

from labkit.errors import LabError
from labkit.lesson import state_reports
from labkit.lesson.state_reports import StateReports

HERE = socket.gethostname()


class Subscription:
    """What redis-py's PubSub does, for messages that are there already."""

    def __init__(self, *reports):
        self.messages = [{"type": "psubscribe", "data": 1}]
        self.messages += [{"type": "pmessage", "data": json.dumps(report)} for report in reports]

    def get_message(self, timeout):
        assert timeout > 0  # without one it would not wait
        return self.messages.pop(0) if self.messages else None


def reports_of(*told):
    """A subscription to these: (task id, status), and a result where there is one."""
    names = ("task_id", "status", "result")
    reports = [dict(zip(names, (*one, None), strict=False)) for one in told]
    return StateReports(Subscription(*reports))


def test_every_state_of_a_task_is_kept_in_order():
    states = ["STARTED", "RETRY", "STARTED", "SUCCESS"]
    reports = reports_of(*(("a", state) for state in states))
    assert [one["status"] for one in reports.of("a")] == states


def test_reports_of_other_tasks_are_kept_for_later():
    reports = reports_of(("b", "FAILURE"), ("a", "SUCCESS"), ("b", "never read"))
    assert [one["status"] for one in reports.of("a")] == ["SUCCESS"]
    assert [one["status"] for one in reports.of("b")] == ["FAILURE"]


def test_what_comes_after_the_end_of_a_task_is_seen_by_who_asks_for_it(monkeypatch):
    monkeypatch.setattr(state_reports, "LATER_S", 0.01)
    reports = reports_of(("a", "FAILURE"), ("a", "STARTED"), ("a", "SUCCESS"))
    assert [one["status"] for one in reports.of("a")] == ["FAILURE"]
    assert [one["status"] for one in reports.also_later("a")] == ["FAILURE", "STARTED", "SUCCESS"]


def test_the_process_that_started_a_task_is_named():
    who = {"pid": 7, "hostname": "lab1@here"}
    reports = reports_of(("a", "STARTED", who), ("a", "SUCCESS"))
    assert reports.who_started("a") == (7, "lab1@here")


@pytest.mark.parametrize(
    ("other_pid", "host", "elsewhere"),
    [(0, HERE, False), (1, HERE, True), (0, "another", True)],
)
def test_a_process_is_another_one_by_its_number_or_by_its_machine(other_pid, host, elsewhere):
    who = {"pid": os.getpid() + other_pid, "hostname": f"lab1@{host}"}
    reports = reports_of(("a", "STARTED", who), ("a", "SUCCESS"))
    assert reports.ran_elsewhere("a") is elsewhere


@pytest.mark.parametrize("statuses", [[], ["STARTED"]])
def test_a_task_whose_end_is_not_reported_is_an_error(monkeypatch, statuses):
    monkeypatch.setattr(state_reports, "TIMEOUT_S", 0.01)
    reports = reports_of(*(("a", status) for status in statuses))
    with pytest.raises(LabError, match="no worker reported the end of task a"):
        reports.of("a")
