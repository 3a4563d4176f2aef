"""What becomes of an e-mail when the mail server is busy, slow, full or silent, or says no."""

import json
import os
import smtplib
import time

import pytest

from labkit.services.mail_server import LARGEST_EMAIL_BYTES
from tasks.realworld_tasks import mail as mail_module
from tasks.realworld_tasks import send_email
from tests.helpers.mail_servers import ADA, LETTER, server
from work.mail import emails, mailbox, smtp
from work.mail.mail_answers import ANSWERS, DELAYS_S
from work.mail.mailbox import held_mailbox, read_email

__all__ = ["server"]


def test_a_busy_server_is_asked_again_until_it_has_taken_the_email_once(server):
    server.will_answer("451", "451")
    # Eager: the attempts run here, one after the other, and the waits are left out.
    assert send_email.apply(LETTER).state == "SUCCESS"
    assert server.answered() == ["451", "451", "250"]
    assert server.kept() == ["ada@example.com/0001.eml"]


def test_a_server_that_stays_busy_is_asked_six_times(server):
    server.will_answer(*["451"] * 10)
    outcome = send_email.apply(LETTER)
    assert outcome.state == "FAILURE"
    said = "the mail server answered 451 4.3.2 busy, try again later"
    assert (type(outcome.result), str(outcome.result)) == (smtp.MailBusy, said)
    assert server.answered() == ["451"] * 6
    assert server.kept() == []


def test_a_refusal_is_not_tried_again(server):
    server.will_answer("550")  # a second attempt would be taken
    outcome = send_email.apply(LETTER)
    said = "the mail server answered 550 5.1.1 no such mailbox"
    assert (type(outcome.result), str(outcome.result)) == (smtp.MailRefused, said)
    assert server.answered() == ["550"]
    assert server.kept() == []


def test_a_server_that_hangs_up_is_asked_again(server):
    server.will_answer("drop")
    assert send_email.apply(LETTER).state == "SUCCESS"
    assert server.answered() == ["drop", "250"]
    assert len(server.kept()) == 1


def test_a_slow_server_takes_the_email_after_its_time(server):
    server.will_answer("slow")
    start = time.monotonic()
    assert send_email.apply(LETTER).state == "SUCCESS"
    assert time.monotonic() - start >= DELAYS_S["slow"]
    assert len(server.kept()) == 1


def test_a_lost_answer_leaves_two_emails_with_one_message_id(server):
    server.will_answer("drop after")
    assert send_email.apply(LETTER).state == "SUCCESS"
    ids = [read_email(file)["Message-ID"] for file in mailbox.emails(server.folder, ADA)]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_a_silent_server_is_given_up_after_the_time_limit(server):
    server.will_answer("hang")
    with pytest.raises(smtp.MailBusy, match="broke off: "):
        smtp.send(emails.compose(*LETTER), server.url, timeout_s=0.2)
    assert server.kept() == []


def test_where_no_server_is_the_email_may_be_sent_later(server):
    server.close()
    with pytest.raises(smtp.MailBusy, match=f":{server.port} is not there: "):
        smtp.send(emails.compose(*LETTER), server.url)


def test_a_held_mailbox_is_a_busy_server(server):
    with held_mailbox(ADA, server.folder), pytest.raises(smtp.MailBusy, match="answered 450 "):
        smtp.send(emails.compose(*LETTER), server.url)


def test_a_disk_without_room_is_a_busy_server_and_nothing_is_half_written(server, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(smtp.MailBusy, match="answered 452 "):
        smtp.send(emails.compose(*LETTER), server.url)
    assert [file.name for file in server.folder.rglob("*") if file.is_file()] == [".lock"]


def test_an_email_that_is_too_large_is_refused(server):
    message = emails.compose(*LETTER)
    message.add_attachment(bytes(LARGEST_EMAIL_BYTES), maintype="image", subtype="png")
    with pytest.raises(smtp.MailRefused, match="answered 552 "):
        smtp.send(message, server.url)
    assert server.kept() == []


@pytest.mark.parametrize("address", ["../ada@example.com", "a/b@example.com", "ada@example"])
def test_the_server_makes_no_mailbox_for_what_is_no_address(server, address):
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.ehlo()
        client.mail("shop@example.com")
        code, _ = client.rcpt(address)
    assert code == 553
    assert not server.folder.exists()


def test_addresses_do_not_disturb_one_another(server):
    server.will_answer("550")
    send_email("li@example.com", "hello", "text")
    assert server.kept() == ["li@example.com/0001.eml"]
    assert server.answered() == []


def test_what_the_server_was_told_is_a_file_that_a_person_can_read(server):
    server.will_answer("451", "drop after")
    told = json.loads((server.folder / ADA / "answers.json").read_text())
    assert told == {"next": ["451", "drop after"], "given": []}
    assert {"250", *told["next"]} <= set(ANSWERS)


@pytest.mark.parametrize("retries", range(5))
def test_each_wait_is_longer_than_the_one_before(retries):
    waits = [[mail_module.wait_s(number) for _ in range(100)] for number in (retries, retries + 1)]
    assert max(waits[0]) < min(waits[1])
