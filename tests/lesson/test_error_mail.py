"""What the reports in a mailbox speak of: their own failures, and those that were kept back."""

import pytest

from labkit.lesson import error_mail
from labkit.lesson.error_mail import ErrorMail
from work.error_report import Failure, compose_report
from work.mail.emails import compose
from work.mail.mailbox import deliver

TRACEBACK = "Traceback (most recent call last):\n  line 1\nValueError: no"


@pytest.fixture
def mail(tmp_path, monkeypatch) -> ErrorMail:
    """One report of shop.pay, and two of shop.ship, of which the second counts 11 others."""
    monkeypatch.setattr(error_mail, "LAB_FILES", tmp_path)
    for task, kept_back in (("shop.pay", 0), ("shop.ship", 0), ("shop.ship", 11)):
        failure = Failure(task, "ValueError", "5f0c", "w1@host", TRACEBACK)
        message = compose("errors@example.com", *compose_report(failure, kept_back), key="5f0c")
        deliver(message, tmp_path / "mail")
    return ErrorMail("errors@example.com")


def test_reports_and_what_they_count_are_told_for_each_task(mail):
    assert (mail.counts("shop.pay"), mail.counts("shop.ship")) == ((1, 0), (2, 11))


def test_all_reports_speak_of_their_own_failures_and_of_those_kept_back(mail):
    assert (mail.number(), mail.told()) == (3, 14)


def test_a_traceback_is_told_by_its_first_and_last_line(mail):
    ends = mail.ends_of_a_traceback("shop.pay")
    assert ends == "Traceback (most recent call last): ... ValueError: no"


def test_another_mailbox_holds_nothing(mail):
    assert ErrorMail("other@example.com").told() == 0
