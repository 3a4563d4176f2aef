"""E-mail from the task to the mailbox, through a real mail server of each test's own."""

import email
import json
import os
import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email import policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.services import mail_check
from labkit.services.mail_server import LARGEST_EMAIL_BYTES
from tasks.realworld_tasks import mail as mail_module
from tasks.realworld_tasks import send_email
from tests.helpers.mail_servers import ADA, own_mail_server
from work.mail import emails, mailbox, smtp
from work.mail.mail_answers import ANSWERS, DELAYS_S
from work.mail.mailbox import MailboxBusy, deliver, find_email, held_mailbox, read_email

LETTER = (ADA, "hello", "text")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A mail server that send_email talks to."""
    with own_mail_server(tmp_path / "mail") as one:
        monkeypatch.setattr(mail_module, "choose_smtp_url", lambda: one.url)
        yield one


# -- On the way ------------------------------------------------------------------------------


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


def test_the_task_id_is_the_message_id_so_that_a_repeat_can_be_recognised(server):
    receipt = send_email.apply(LETTER, task_id="task-7").get()
    assert receipt["message_id"] == "<task-7@example.com>"
    assert find_email(server.folder, ADA, "<task-7@example.com>").name == "0001.eml"
    with pytest.raises(FileNotFoundError):
        find_email(server.folder, ADA, "<task-8@example.com>")


# -- What the server says --------------------------------------------------------------------


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


def test_lessons_talk_to_a_mail_server_of_the_labs_alone(server, monkeypatch):
    monkeypatch.setattr(mail_check, "choose_smtp_url", lambda: server.url)
    mail_check.require_mail_server()
    monkeypatch.setattr(mail_check, "IDENT", "another one")
    with pytest.raises(LabError, match="is not the lab's, and this lesson needs that one"):
        mail_check.require_mail_server()
    server.close()
    with pytest.raises(LabError, match=f"no mail server answers at {server.url}"):
        mail_check.require_mail_server()


def test_nobody_asks_the_network_for_our_name(server, monkeypatch):
    def slow_dns(*_name: str) -> str:
        raise AssertionError("asked DNS")

    monkeypatch.setattr("socket.getfqdn", slow_dns)
    assert send_email(*LETTER)["to"] == ADA


# -- What is refused before it is sent -------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "ada@exa mple.com",
        "ada@example.com\n", "ada@example.com\r\nBcc: bob@example.com", "ada@example.com,bob@x.org",
        "Ada <ada@example.com>", "../ada@example.com", "a/b@example.com", ".ada@example.com",
        "ada.@example.com", "a..da@example.com", "ada@-example.com", "ada@example..com",
        "ada@[127.0.0.1]", "ада@example.com", "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com", "a@" + "bcd." * 63 + "com", None, 5, ["ada@example.com"],
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused(server, address):
    with pytest.raises(ValueError, match=r"^to_email must be one address such as ada@example.com"):
        send_email(address, "hello", "text")
    assert server.kept() == []


@pytest.mark.parametrize("address", ["a@b.c", "root@localhost"])
def test_an_address_as_examples_have_it_is_taken(server, address):
    assert send_email(address, "Hi", "Text")["to"] == address
    assert server.kept() == [f"{address}/0001.eml"]


NAME = st.from_regex(r"[a-z0-9_%+'-]{1,20}(\.[a-z0-9_%+'-]{1,20}){0,2}", fullmatch=True)
DOMAIN = st.from_regex(r"([A-Za-z0-9]{1,10}\.){1,3}[a-z]{2,10}", fullmatch=True)


@given(NAME, DOMAIN)
def test_an_ordinary_address_is_taken_and_its_domain_is_in_lower_case(name, domain):
    address = emails.check_address(f"{name}@{domain}")
    assert address == f"{name}@{domain.lower()}"
    assert emails.check_address(address) == address


@given(st.text() | st.emails() | st.builds("{}@{}{}".format, NAME, DOMAIN, st.text(max_size=3)))
@example("ada@example.com\n")
@example("ada@example.com\u2028")
def test_whatever_passes_as_an_address_can_be_a_header_and_the_name_of_a_folder(text):
    try:
        address = emails.check_address(text)
    except ValueError:
        return
    assert address.isascii() and address.isprintable()
    assert address.count("@") == 1 and not set(address) & set(' /\\<>,:;"')
    assert not address.startswith(".")


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"])
def test_a_line_break_in_the_subject_is_refused(server, line_break):
    with pytest.raises(ValueError, match=r"^subject must be plain text without "):
        send_email("ada@example.com", f"hello{line_break}Bcc: bob@example.com", "text")
    assert server.kept() == []


@pytest.mark.parametrize(
    ("subject", "body", "sentence"),
    [
        ("", "text", "^subject must be 1 to 200 characters, got 0$"),
        ("x" * 201, "text", "^subject must be 1 to 200 characters, got 201$"),
        (5, "text", "^subject must be text, got 5$"),
        ("hello", "", "^body must be 1 to 100000 characters, got 0$"),
        ("hello", None, "^body must be text, got None$"),
        ("hello", "a\0b", r"^body must be plain text without '\\x00', got 'a\\x00b'$"),
        ("\ud800", "text", r"^subject must be plain text without '\\ud800', got "),
    ],
)
def test_a_subject_or_body_that_is_no_text_is_refused(server, subject, body, sentence):
    with pytest.raises(ValueError, match=sentence):
        send_email("ada@example.com", subject, body)


def test_a_line_break_in_the_disguise_of_an_encoded_word_is_refused(server):
    with pytest.raises(ValueError, match=r"^subject must be plain text without '=\?', got "):
        send_email("ada@example.com", "hello =?utf-8?q?x=0ABcc:_bob@example.com?= you", "text")
    assert server.kept() == []


def test_a_task_id_that_would_break_the_message_id_is_refused(server):
    outcome = send_email.apply(("ada@example.com", "hello", "text"), task_id="x>\nBcc: b@x.org")
    assert str(outcome.result).startswith("key must be letters, digits and . _ - only, got ")


LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)
TRICKY = st.lists(st.sampled_from(["=", "?", "=?utf-8?q?", "=0A", "?=", " ", "_", "a:", '"', "欢"]))
HEADERS = "From To Subject Date Message-ID Content-Type Content-Transfer-Encoding MIME-Version"


@settings(deadline=None)
@given(LINE | TRICKY.map("".join), st.lists(LINE, max_size=3))
def test_every_subject_and_body_that_is_taken_can_be_read_again(subject, paragraphs):
    body = "\n".join(paragraphs)
    try:
        content = emails.compose("ada@example.com", subject, body).as_bytes()
    except ValueError:
        assert not body or not subject.strip(" ") or "=?" in subject or len(subject) > 200
        return
    message = email.message_from_bytes(content, policy=policy.default)
    assert message.keys() == HEADERS.split() and not message.defects
    assert message["Subject"] == subject.strip(" ")
    assert message.get_content().splitlines() == body.split("\n")[: None if paragraphs[-1] else -1]
