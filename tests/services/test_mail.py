"""E-mail from the task to the mailbox, through a real mail server of each test's own."""

import email
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from labkit.errors import LabError
from labkit.services import mail_check
from tasks.realworld_tasks import send_email
from tests.helpers.mail_servers import ADA, LETTER, server
from work.mail import emails, mailbox
from work.mail.mailbox import MailboxBusy, deliver, find_email, held_mailbox, read_email

__all__ = ["server"]


def test_an_email_in_chinese_arrives_as_it_was_sent(server):
    receipt = send_email(
        to_email="li@example.com", subject="欢迎", body="您的机票。\n.\n..Bon voyage!\n"
    )
    (file,) = mailbox.emails(server.folder, "li@example.com")
    assert file.read_bytes().isascii()
    message = read_email(file)
    assert message["To"] == receipt["to"] == "li@example.com"
    assert message["Subject"] == "欢迎"
    assert message["Message-ID"] == receipt["message_id"]
    assert message["Date"].datetime.tzinfo is not None
    assert message.get_content().splitlines() == ["您的机票。", ".", "..Bon voyage!"]


def test_what_travels_is_seven_bit_lines_of_the_length_that_every_server_takes(server):
    send_email("li@example.com", "欢迎" * 50, "机票" * 2000 + "x" * 5000)
    lines = mailbox.emails(server.folder)[0].read_bytes().split(b"\r\n")
    assert all(line.isascii() and b"\n" not in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert b"\r\nSubject: =?utf-8?" in b"\r\n".join(lines)


def test_emails_are_numbered_in_the_order_of_their_arrival(server):
    for subject in ("one", "two"):
        send_email(ADA, subject, "hello")
    files = mailbox.emails(server.folder, ADA)
    assert [file.name for file in files] == ["0001.eml", "0002.eml"]
    assert [read_email(file)["Subject"] for file in files] == ["one", "two"]


def test_many_at_once_to_one_mailbox_are_all_there_whole(tmp_path):
    def send(number):
        while True:
            with suppress(MailboxBusy):  # on a busy machine; then nothing was written
                return deliver(emails.compose(ADA, f"number {number}", "hello"), tmp_path)

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(send, range(40)))
    messages = [email.message_from_bytes(path.read_bytes()) for path in paths]
    assert {message["Subject"] for message in messages} == {f"number {n}" for n in range(40)}
    assert len(set(paths)) == len(mailbox.emails(tmp_path)) == 40


def test_a_held_mailbox_is_busy_for_everybody_else_and_free_afterwards(tmp_path):
    with held_mailbox("ada@example.com", tmp_path):
        with (
            pytest.raises(MailboxBusy, match=r"^somebody else holds the mailbox of ada@"),
            held_mailbox("ada@example.com", tmp_path, wait_s=0),
        ):
            pass
        with held_mailbox("bob@example.com", tmp_path, wait_s=0):
            pass
    with held_mailbox("ada@example.com", tmp_path, wait_s=0):
        pass


def test_the_task_id_is_the_message_id_so_that_a_repeat_can_be_recognised(server):
    receipt = send_email.apply(LETTER, task_id="task-7").get()
    assert receipt["message_id"] == "<task-7@example.com>"
    assert find_email(server.folder, ADA, "<task-7@example.com>").name == "0001.eml"
    with pytest.raises(FileNotFoundError):
        find_email(server.folder, ADA, "<task-8@example.com>")


def test_nobody_asks_the_network_for_our_name(server, monkeypatch):
    def slow_dns(*_name: str) -> str:
        raise AssertionError("asked DNS")

    monkeypatch.setattr("socket.getfqdn", slow_dns)
    assert send_email(*LETTER)["to"] == ADA


def test_lessons_talk_to_a_mail_server_of_the_labs_alone(server, monkeypatch):
    mail_check.require_mail_server()
    monkeypatch.setattr(mail_check, "IDENT", "another one")
    with pytest.raises(LabError, match="is not the lab's, and this lesson needs that one"):
        mail_check.require_mail_server()
    server.close()
    with pytest.raises(LabError, match=f"no mail server answers at {server.url}"):
        mail_check.require_mail_server()
