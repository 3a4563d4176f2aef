"""The shop's mail folder: one mailbox a person, one file an e-mail, numbered as they came.

    mail/ada@example.com/0001.eml
    mail/ada@example.com/0002.eml

Every mail program opens an .eml file.  The next number is only right as long as nobody else
delivers, so whoever delivers holds the mailbox's lock for these milliseconds.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path

from work.files import write_atomically
from work.mail.emails import check_address

LOCK_WAIT_S = 0.5  # a delivery takes milliseconds; who is locked out for longer comes again later
POLL_S = 0.01

# What Python's email package raises for content that it cannot decode, found by feeding it damaged
# e-mails.  LookupError: an unknown charset, and an IndexError or KeyError of its parser.
UNDECODABLE = (LookupError, ValueError, TypeError, AttributeError, MessageError)


class MailboxBusy(Exception):
    """Somebody else holds the mailbox; the same e-mail may be delivered later."""


@contextmanager
def held_mailbox(address: str, mail_folder: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[Path]:
    """Hold one mailbox: nobody else delivers to it inside the `with` block.

    Gives the mailbox's folder.  The lock is the operating system's, which takes it back when
    its owner ends, so a killed worker leaves no mailbox locked.

    Raises MailboxBusy if somebody else still holds it after wait_s seconds.
    """
    mailbox = mail_folder / check_address(address)
    mailbox.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with (mailbox / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise MailboxBusy(f"somebody else holds the mailbox of {address}") from None
            time.sleep(POLL_S)
        yield mailbox


def deliver(message: EmailMessage, mail_folder: Path) -> Path:
    """Put one e-mail into the mailbox of the address it is sent to; return its file.

    The file is there whole or not at all.  Delivering twice makes two files, as with any mail
    server; they have the same Message-ID.

    Raises MailboxBusy: nothing was written, so it is safe to deliver again.
    """
    return deliver_bytes(message.as_bytes(), str(message["To"]), mail_folder)


def deliver_bytes(content: bytes, address: str, mail_folder: Path) -> Path:
    """The same for an e-mail as it travels, and an address that need not stand in it."""
    with held_mailbox(address, mail_folder) as mailbox:
        numbers = [int(file.stem) for file in mailbox.glob("*.eml") if file.stem.isdecimal()]
        file = mailbox / f"{max(numbers, default=0) + 1:04}.eml"
        write_atomically(mailbox.resolve() / file.name, content)
    return file


def emails(mail_folder: Path, address: str = "*") -> list[Path]:
    """The files of one mailbox, or of all of them, in the order in which the e-mails came."""
    mailbox = address if address == "*" else check_address(address)
    came = [(file.stat().st_mtime_ns, file) for file in mail_folder.glob(f"{mailbox}/*.eml")]
    return [file for _, file in sorted(came)]


def find_email(mail_folder: Path, address: str, message_id: str) -> Path:
    """The newest e-mail in a mailbox with this Message-ID.

    Raises FileNotFoundError if there is none.
    """
    for file in reversed(emails(mail_folder, address)):
        if header_of(read_email(file), "Message-ID") == message_id:
            return file
    raise FileNotFoundError(f"no e-mail {message_id} for {address}")


def read_email(file: Path) -> EmailMessage:
    """One e-mail, decoded: message["Subject"] is "欢迎", get_body() its text."""
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def header_of(message: EmailMessage, name: str) -> str:
    """One header, decoded; as it came where it cannot be, and "" where it is missing."""
    try:
        return str(message[name] or "")
    except UNDECODABLE:
        raw = (value for key, value in message.raw_items() if key.lower() == name.lower())
        return str(next(raw, ""))
