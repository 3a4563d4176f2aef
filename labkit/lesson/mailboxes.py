"""Mailboxes of one run: tell the mail server how to answer, and see what it has kept."""

import secrets
import smtplib
from email.message import EmailMessage
from itertools import pairwise

from celery.result import AsyncResult

from lab_home import LAB_FILES, choose_smtp_url
from labkit.lesson.endings import how_it_ended
from work.mail.emails import compose
from work.mail.mail_answers import given_answers, set_answers
from work.mail.mailbox import emails, read_email
from work.mail.smtp import TIMEOUT_S, server_of

FOLDER = LAB_FILES / "mail"
ROW = ("the server answered", "the task ended", "in the mailbox")  # what Mailbox.row() tells


class Mailbox:
    """One person's mailbox: NAME-5f0c1a2b@example.com, an address of this run alone.

    So what the server is told about it disturbs nobody else.
    answers: what the server answers to the next e-mails (work/mail/mail_answers.py); then "250".
    """

    def __init__(self, name: str, *answers: str) -> None:
        self.address = f"{name}-{secrets.token_hex(4)}@example.com"
        set_answers(FOLDER, self.address, answers)

    def answers(self) -> list[str]:
        """What the server has answered, in order."""
        return [one.answer for one in given_answers(FOLDER, self.address)]

    def waits_s(self) -> list[float]:
        """The seconds between one answer and the next."""
        times = [one.time for one in given_answers(FOLDER, self.address)]
        return [later - earlier for earlier, later in pairwise(times)]

    def emails(self) -> list[EmailMessage]:
        """What the server has kept, in the order in which it came."""
        return [read_email(file) for file in emails(FOLDER, self.address)]

    def attachments(self) -> list[bytes]:
        """The files that came with these e-mails."""
        attached = (one for email in self.emails() for one in email.iter_attachments())
        return [one.get_content() for one in attached]

    def row(self, result: AsyncResult | None = None) -> tuple[str, str, int]:
        """The cells below ROW, for the task that has sent to this mailbox; None: no task has."""
        said = ", ".join(self.answers()) or "nothing"
        return said, how_it_ended(result) if result else "-", len(self.emails())


def send_by_hand(to: Mailbox) -> None:
    """Send one e-mail, and print every line of the conversation with the mail server."""
    content = compose(to.address, "Your ticket", "Seat 12A.").as_bytes()
    client = smtplib.SMTP(timeout=TIMEOUT_S)
    _show(client.connect(*server_of(choose_smtp_url())))
    for line in (
        "EHLO shop.example.com",
        "MAIL FROM:<tickets@example.com>",
        f"RCPT TO:<{to.address}>",
        "DATA",
    ):
        print(f"client: {line}")
        _show(client.docmd(line))
    first, *others = content.decode().splitlines()
    print(f"client: {1 + len(others)} lines, the first one {first}, and then a dot alone")
    client.send(content + b".\r\n")
    _show(client.getreply())
    print("client: QUIT")
    _show(client.quit())


def _show(answer: tuple[int, bytes]) -> None:
    """The number and the first line; EHLO is answered with a list of what the server can do."""
    code, text = answer
    print(f"server: {code} {text.decode().splitlines()[0]}")
