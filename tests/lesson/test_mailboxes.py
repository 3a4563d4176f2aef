"""Mailboxes of one run of a lesson, and how a task ended."""

from types import SimpleNamespace
from typing import Any

import pytest

from labkit.lesson import mailboxes
from labkit.lesson.endings import how_it_ended
from labkit.lesson.mailboxes import Mailbox, send_by_hand
from tests.helpers.mail_servers import server
from work.mail.emails import compose
from work.mail.mail_answers import take_answer
from work.mail.mailbox import deliver
from work.mail.smtp import MailRefused, send

__all__ = ["server"]

DONE: Any = SimpleNamespace(state="SUCCESS", result=None, failed=lambda: False)
REFUSED: Any = SimpleNamespace(state="FAILURE", result=MailRefused("550"), failed=lambda: True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(mailboxes, "FOLDER", tmp_path / "mail")
    return tmp_path / "mail"


def test_what_is_told_about_one_mailbox_changes_no_other_of_the_same_name(folder):
    box, other = Mailbox("ada", "451"), Mailbox("ada")
    assert [take_answer(folder, one.address) for one in (box, other)] == ["451", "250"]
    assert (box.answers(), other.answers()) == (["451"], ["250"])


def test_the_time_from_each_answer_to_the_next_is_told(folder):
    box = Mailbox("ada", "451", "451")
    assert box.waits_s() == []
    for _ in range(3):
        take_answer(folder, box.address)
    assert len(box.waits_s()) == 2 and min(box.waits_s()) >= 0


def test_the_emails_and_their_attachments_are_those_of_this_mailbox(folder):
    box = Mailbox("ada")
    message = compose(box.address, "Report", "See the attachment.")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    deliver(message, folder)
    deliver(compose("bob@example.com", "Report", "None here."), folder)
    assert [email["Subject"] for email in box.emails()] == ["Report"]
    assert box.attachments() == [b"%PDF"]


def test_a_row_tells_what_was_answered_how_the_task_ended_and_what_was_kept(server, monkeypatch):
    monkeypatch.setattr(mailboxes, "FOLDER", server.folder)
    refused, silent = Mailbox("ada", "550"), Mailbox("bob")
    with pytest.raises(MailRefused):
        send(compose(refused.address, "hello", "text"), server.url)
    assert refused.row(REFUSED) == ("550", "FAILURE MailRefused", 0)
    assert silent.row() == ("nothing", "-", 0)


def test_an_email_that_is_sent_by_hand_shows_both_sides_and_arrives(server, monkeypatch, capsys):
    monkeypatch.setattr(mailboxes, "FOLDER", server.folder)
    box = Mailbox("ada")
    send_by_hand(box)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("server: 220 ") and said[-1] == "server: 221 Bye"
    assert f"client: RCPT TO:<{box.address}>" in said
    assert box.row() == ("250", "-", 1)


@pytest.mark.parametrize(("result", "words"), [(DONE, "SUCCESS"), (REFUSED, "FAILURE MailRefused")])
def test_an_error_is_named_beside_the_state_that_it_led_to(result, words):
    assert how_it_ended(result) == words
