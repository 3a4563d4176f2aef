"""`./lab mail` shows what lies in the mailboxes, whoever wrote it."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.services.mail_view import list_emails, show_email
from tasks.realworld_tasks import send_email
from tests.helpers.mail_servers import ADA, server
from work.mail import emails
from work.mail.mailbox import deliver, find_email

__all__ = ["server"]


def keep(folder, content: bytes) -> None:
    mailbox = folder / ADA
    mailbox.mkdir(parents=True, exist_ok=True)
    (mailbox / "0001.eml").write_bytes(content)


def test_the_list_has_the_newest_first_and_brackets_as_they_are(server, capsys):
    for subject in ("first", "[red]second"):
        send_email(ADA, subject, "hello")
    capsys.readouterr()  # the server says what it has kept
    list_emails(server.folder)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines[1:]]  # number, day, time, mailbox, subject
    assert [(row[0], *row[3:]) for row in rows] == [("1", ADA, "[red]second"), ("2", ADA, "first")]


def test_one_email_is_shown_decoded_with_its_attachments_by_name(tmp_path, capsys):
    message = emails.compose("li@example.com", "欢迎", "您的机票。\nsecond line")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="day.pdf")
    deliver(message, tmp_path)
    show_email(1, tmp_path)
    shown = capsys.readouterr().out
    assert "Subject: 欢迎\n" in shown
    assert "\n\n您的机票。\nsecond line\n\n" in shown
    assert "attached: day.pdf, application/pdf, 4 bytes\n" in shown


def test_an_email_cannot_steer_the_terminal(tmp_path, capsys):
    keep(tmp_path, b"Subject: a\x1b[2Jb\r\n\r\nred \x1b[31m text\r\n")
    show_email(1, tmp_path)
    list_emails(tmp_path)
    assert "\x1b" not in capsys.readouterr().out


ODD_EMAILS = {
    "unknown charset": b"Subject: s\nContent-Type: text/plain; charset=bogus-9\n\nGr\xc3\xbcezi\n",
    "broken id": b"Message-ID: <[\nSubject: s\n\nhello\n",
    "no text": b"Subject: s\nContent-Type: image/png\n\nabc\n",
    "e-mail in an e-mail": (
        b"Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
        b"Content-Type: message/rfc822\n\nSubject: t\n\n--x--\n"
    ),
}


@pytest.mark.parametrize("what", ODD_EMAILS)
def test_a_malformed_email_is_shown_as_far_as_it_can_be_read(tmp_path, capsys, what):
    keep(tmp_path, ODD_EMAILS[what])
    show_email(1, tmp_path)
    shown = capsys.readouterr().out
    assert "Subject: s\n" in shown and shown.splitlines()[-1].startswith("file: ")
    assert ("Grüezi" in shown) == (b"Gr" in ODD_EMAILS[what])
    list_emails(tmp_path)


ODD_TEXT = st.text(st.sampled_from('<[]>@;=:,"\\?*( )\n\tab%\x00é'), max_size=20)
ODD_PIECES = st.sampled_from(
    [
        *("multipart/mixed", "text/plain", "text/", "message/rfc822", "; boundary=", "; charset="),
        *("utf-8", "bogus-9", "; filename*=utf-8''%ff", "=?utf-8?b?", "?=", "attachment", "base64"),
    ]
)
ODD_VALUE = st.lists(ODD_TEXT | ODD_PIECES, max_size=4).map("".join)
ODD_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"),
            *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"),
        ]
    ),
    ODD_VALUE,
)


@settings(max_examples=3 * settings().max_examples)
@given(ODD_HEADERS, st.binary(max_size=60))
def test_whatever_lies_in_a_mailbox_can_be_listed_shown_and_passed_over(headers, body):
    with TemporaryDirectory() as name, redirect_stdout(StringIO()):
        folder = Path(name)
        lines = [f"{key}: {value}\n".encode() for key, value in headers.items()]
        keep(folder, b"".join(lines) + b"\n" + body)
        list_emails(folder)
        show_email(1, folder)
        with pytest.raises(FileNotFoundError):
            find_email(folder, ADA, "<nobody>")


def test_without_an_email_there_is_a_sentence_and_a_hint(tmp_path):
    for look in (lambda: list_emails(tmp_path), lambda: show_email(1, tmp_path)):
        with pytest.raises(LabError, match="no e-mail has come yet"):
            look()
    deliver(emails.compose(ADA, "hello", "text"), tmp_path)
    with pytest.raises(LabError, match="N must be 1 to 1, got 2"):
        show_email(2, tmp_path)
