"""Error reports say what is needed and nothing dangerous; the growth alert knows a trend."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import error_reports
from tasks.realworld_tasks import bag_fee, send_email
from work.error_report import MAX_TRACEBACK_CHARACTERS, Failure, compose_report, kept_back_in
from work.mail.emails import compose
from work.queue_alert import GrowthAlert

TEXT = st.text(st.characters(), max_size=300)


# -- The report ------------------------------------------------------------------------------


@given(task=TEXT, error=TEXT, traceback=TEXT, kept_back=st.integers(0, 10**9))
def test_whatever_an_error_says_its_report_can_be_sent(task, error, traceback, kept_back):
    failure = Failure(task, error, "5f0c", "w1@host", traceback)
    subject, body = compose_report(failure, kept_back)
    compose("errors@example.com", subject, body)  # refuses what would be a header or a control code


@given(number=st.integers(0, 10**9), traceback=TEXT)
def test_the_number_of_those_kept_back_can_be_read_again(number, traceback):
    _, body = compose_report(Failure("shop.pay", "KeyError", "5f0c", "w1", traceback), number)
    assert kept_back_in(body) == number


def test_of_a_very_long_traceback_the_end_is_sent():
    traceback = "line\n" * MAX_TRACEBACK_CHARACTERS + "KeyError: 'seat'"
    _, body = compose_report(Failure("shop.pay", "KeyError", "5f0c", "w1", traceback), 0)
    assert body.endswith("KeyError: 'seat'")
    assert len(body) < 2 * MAX_TRACEBACK_CHARACTERS


# -- The handler -----------------------------------------------------------------------------


class FakeThrottle:
    """Lets the first one of each kind pass."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def admit(self, kind: str) -> int | None:
        self.asked.append(kind)
        return None if self.asked.count(kind) > 1 else 0


@pytest.fixture
def sent(monkeypatch) -> list[tuple]:
    """What the handler hands to send_email, with an address set and a throttle of the test's."""
    calls: list[tuple] = []
    monkeypatch.setattr(error_reports, "TO", "errors@example.com")
    monkeypatch.setattr(error_reports, "throttle", FakeThrottle())
    monkeypatch.setattr(send_email, "delay", lambda *arguments: calls.append(arguments))
    return calls


def report(task: Any, error: Exception) -> None:
    einfo = SimpleNamespace(traceback=f"Traceback ...\n{error!r}")
    error_reports.report_failure(sender=task, task_id="5f0c", exception=error, einfo=einfo)


def test_the_first_failure_of_a_kind_is_reported_and_the_next_ones_are_not(sent):
    for error in (ValueError("a"), ValueError("b"), KeyError("c")):
        report(bag_fee, error)
    assert [subject for _, subject, _ in sent] == [
        f"error: ValueError in {bag_fee.name}",
        f"error: KeyError in {bag_fee.name}",
    ]
    assert "ValueError('a')" in sent[0][2]


def test_an_email_that_cannot_be_sent_is_not_reported_by_email(sent):
    report(send_email, OSError("no mail server"))
    assert not sent


def test_without_an_address_nothing_is_reported(sent, monkeypatch):
    monkeypatch.setattr(error_reports, "TO", "")
    report(bag_fee, ValueError("a"))
    assert not sent


# -- The alert -------------------------------------------------------------------------------


@given(lengths=st.lists(st.integers(0, 30), max_size=60), looks=st.integers(1, 4))
def test_the_alert_changes_only_after_a_trend(lengths, looks):
    alert, raised = GrowthAlert(looks, floor=5), False
    for end, length in enumerate(lengths, start=1):
        change = alert.look(length)
        steps = list(pairwise(lengths[:end][-looks - 1 :]))
        grew = len(steps) == looks and all(later > earlier for earlier, later in steps)
        fell = len(steps) == looks and all(later < earlier for earlier, later in steps)
        expected = None
        if not raised and grew and length >= 5:
            expected, raised = "raised", True
        elif raised and (fell or length == 0):
            expected, raised = "cleared", False
        assert change == expected
        assert alert.raised == raised


@pytest.mark.parametrize(("looks", "floor"), [(0, 1), (1, 0), (-1, 5)])
def test_an_alert_that_could_never_be_right_is_refused(looks, floor):
    with pytest.raises(ValueError, match="looks and floor must be 1 or more"):
        GrowthAlert(looks, floor)
