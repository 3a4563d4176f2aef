"""What the lab's mail server answers to the next e-mails for an address.

A real mail server is busy, refuses or falls silent when it likes.  To see what a sender makes of
that, somebody must be able to ask for it.  So the server reads a small file in the mailbox:

    mail/ada@example.com/answers.json     {"next": ["451", "550"], "given": []}

Each e-mail takes the first of the answers away; where none is left, it is accepted as usual.  What
was answered stands under "given", with the time.  An address without such a file is not special.
Lessons and tests use an address each, and so do not disturb one another.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from work.files import write_atomically
from work.mail.mailbox import held_mailbox

IDENT = "the lab's mail server"  # how it greets; no other server reads these files
ACCEPTED = "250"
FILE = "answers.json"
ANSWERS = {
    ACCEPTED: "takes the e-mail",
    "451": "is busy: try again later",
    "550": "refuses: there is no such mailbox",
    "slow": "takes the e-mail after 0.2 s",
    "very slow": "takes the e-mail after 2 s",
    "hang": "says nothing more, and keeps the connection open",
    "drop": "hangs up before it has taken the e-mail",
    "drop after": "takes the e-mail, and hangs up before it has said so",
}
DELAYS_S = {"slow": 0.2, "very slow": 2.0}


@dataclass(frozen=True)
class Given:
    """One answer that the server gave, and when (seconds since 1970)."""

    answer: str
    time: float


def set_answers(mail_folder: Path, address: str, answers: Sequence[str]) -> None:
    """Tell the server how to answer the next e-mails to this address, one answer for each.

    Forgets what was told and given before.  Raises ValueError for an answer that is none.

    >>> set_answers(Path("/nowhere"), "ada@example.com", ["999"])
    Traceback (most recent call last):
    ...
    ValueError: each answer must be one of 250, 451, 550, slow, very slow, hang, drop, drop after, got '999'
    """  # noqa: E501
    for answer in answers:
        if answer not in ANSWERS:
            raise ValueError(f"each answer must be one of {', '.join(ANSWERS)}, got {answer!r}")
    with held_mailbox(address, mail_folder) as mailbox:
        _write(mailbox, {"next": list(answers), "given": []})


def take_answer(mail_folder: Path, address: str) -> str:
    """The server asks: how do I answer this e-mail?  Notes what it is told.

    Raises MailboxBusy while somebody else holds the mailbox.
    """
    with held_mailbox(address, mail_folder) as mailbox:
        if not (mailbox / FILE).exists():
            return ACCEPTED
        told = _read(mailbox)
        answer = told["next"].pop(0) if told["next"] else ACCEPTED
        told["given"].append([answer, time.time()])
        _write(mailbox, told)
    return answer


def given_answers(mail_folder: Path, address: str) -> list[Given]:
    """What the server has answered since set_answers, in order."""
    with held_mailbox(address, mail_folder) as mailbox:
        return [Given(answer, when) for answer, when in _read(mailbox)["given"]]


def _read(mailbox: Path) -> dict:
    return json.loads((mailbox / FILE).read_text())


def _write(mailbox: Path, told: dict) -> None:
    write_atomically(mailbox.resolve() / FILE, json.dumps(told).encode())
