"""`./lab mail`: the e-mails that the lab's mail server has kept, as a person reads them."""

from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage, Message
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab_home import LAB_FILES
from labkit.errors import LabError
from labkit.words import printable
from work.mail.mailbox import UNDECODABLE, emails, header_of, read_email

MOST_LISTED = 50
TIME_WIDTH = len("2026-11-20 14:16:01")
SHOWN_HEADERS = ("From", "To", "Subject", "Date", "Message-ID")


def list_emails(mail_folder: Path = LAB_FILES / "mail") -> None:
    """Print number, time (of this machine's zone), mailbox and subject of each, newest first."""
    newest_first = _newest_first(mail_folder)
    table = Table(box=None, pad_edge=False)
    for heading, min_width in (("N", 2), ("came", TIME_WIDTH), ("to", 20), ("subject", 20)):
        table.add_column(heading, no_wrap=True, min_width=min_width, overflow="ellipsis")
    for number, file in enumerate(newest_first[:MOST_LISTED], start=1):
        came = datetime.fromtimestamp(file.stat().st_mtime).isoformat(" ", "seconds")
        # Text, and not a string: brackets in a subject are no mark-up.
        cells = (came, file.parent.name, _header(read_email(file), "Subject"))
        table.add_row(str(number), *(Text(cell) for cell in cells))
    Console(highlight=False).print(table)
    if len(newest_first) > MOST_LISTED:
        click.echo(f"and {len(newest_first) - MOST_LISTED} older ones in {mail_folder}")


def show_email(number: int, mail_folder: Path = LAB_FILES / "mail") -> None:
    """Print one e-mail: headers, text, and its attachments by name."""
    newest_first = _newest_first(mail_folder)
    if number > len(newest_first):
        raise LabError(f"N must be 1 to {len(newest_first)}, got {number}", "./lab mail")
    file = newest_first[number - 1]
    message = read_email(file)
    for name in SHOWN_HEADERS:
        click.echo(f"{name}: {_header(message, name)}")
    lines = _text(message).rstrip().splitlines()
    click.echo("\n".join(["", *(printable(line.expandtabs()) for line in lines), ""]))
    for line in _attachments(message):
        click.echo(f"attached: {printable(line)}")
    click.echo(f"file: {file}")


def _newest_first(mail_folder: Path) -> list[Path]:
    found = emails(mail_folder)[::-1]
    if not found:
        raise LabError("no e-mail has come yet", "./lab run 50")
    return found


def _header(message: EmailMessage, name: str) -> str:
    return printable(header_of(message, name))


def _text(message: EmailMessage) -> str:
    """The text to read; where its charset is unknown, as if it were UTF-8."""
    try:
        body = message.get_body(("plain", "html"))
        if body is None:
            return "(no text)"
        try:
            return str(body.get_content())
        except UNDECODABLE:
            return _bytes(body).decode("utf-8", "replace")
    except UNDECODABLE:
        return "(the e-mail cannot be taken apart)"


def _attachments(message: EmailMessage) -> Iterator[str]:
    """Name, kind and size of each; anybody may have written the e-mail, so all of it may be odd."""
    try:
        for part in message.iter_attachments():
            name = part.get_filename() or "without a name"
            yield f"{name}, {part.get_content_type()}, {len(_bytes(part))} bytes"
    except UNDECODABLE:
        yield "something that cannot be taken apart"


def _bytes(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""  # an e-mail in an e-mail has none
