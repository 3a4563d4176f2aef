"""The lab's own mail server: a real one for SMTP, which keeps every e-mail and sends none on.

    python -m labkit.services.mail_server      # on 127.0.0.1, at a free port: LAB_HOME/mail-server

E-mails go into mailboxes below LAB_FILES/mail (work/mail/mailbox.py); `./lab mail` shows them.
How it answers can be asked for, one address at a time (work/mail/mail_answers.py).
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from lab_home import LAB_FILES, MAIL_FILE, noted
from labkit.processes.files import FOR_ITS_OWNER, replace_file
from work.mail.emails import check_address
from work.mail.mail_answers import DELAYS_S, IDENT, take_answer
from work.mail.mailbox import MailboxBusy, deliver_bytes

LARGEST_EMAIL_BYTES = 10_000_000  # usual servers take 10 to 50 MB
SILENT_S = 60  # then a connection on which nothing is said is closed
BUSY = "450 4.2.1 mailbox busy, try again later"
FULL = "452 4.3.1 no room, try again later"


class Conversation:
    """What to answer in one connection; aiosmtpd calls the methods, and speaks SMTP itself."""

    def __init__(self, mail_folder: Path) -> None:
        self.mail_folder = mail_folder
        self.answer = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list
    ) -> str:
        """Somebody has an e-mail for this address."""
        try:
            address = check_address(address)
            self.answer = await asyncio.to_thread(take_answer, self.mail_folder, address)
        except ValueError as error:
            return f"553 5.1.3 {error}"
        except MailboxBusy:
            return BUSY
        except OSError:
            return FULL
        if self.answer != "250":
            print(f"answers {address}: {self.answer}")
        if self.answer == "451":
            return "451 4.3.2 busy, try again later"
        if self.answer == "550":
            return "550 5.1.1 no such mailbox"
        if self.answer == "hang":
            await _silence()
        if self.answer == "drop":
            await _hang_up(server)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The e-mail is here: keep it in the mailbox of each recipient, then say so."""
        await asyncio.sleep(DELAYS_S.get(self.answer, 0))
        content = envelope.original_content or b""
        try:
            for address in envelope.rcpt_tos:
                file = await asyncio.to_thread(deliver_bytes, content, address, self.mail_folder)
                print(f"kept {file.relative_to(self.mail_folder)}")
        except MailboxBusy:
            return BUSY
        except OSError:  # such as a full disk
            return FULL
        if self.answer == "drop after":
            await _hang_up(server)
        return "250 2.0.0 OK"


async def _silence() -> None:
    """Say nothing until the other side has left, or the server closes the connection."""
    await asyncio.Event().wait()


async def _hang_up(server: SMTP) -> None:
    """Cut the connection.  Its conversation is cancelled then."""
    transport: Any = server.transport
    transport.abort()
    await _silence()


async def serve(mail_folder: Path, host: str, port: int) -> asyncio.Server:
    """Listen; port 0 is a free one, and server.sockets says which."""

    def conversation() -> SMTP:
        return SMTP(
            Conversation(mail_folder),
            data_size_limit=LARGEST_EMAIL_BYTES,
            hostname="localhost",  # else Python asks the network for our name, and may wait
            ident=IDENT,
            timeout=SILENT_S,
            loop=asyncio.get_running_loop(),
        )

    return await asyncio.get_running_loop().create_server(conversation, host, port)


async def run(host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await serve(LAB_FILES / "mail", host, port)
    where = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    replace_file(MAIL_FILE, json.dumps({"url": where, "pid": os.getpid()}), FOR_ITS_OWNER)
    try:
        await stop.wait()
    finally:
        if noted(MAIL_FILE).get("pid") == os.getpid():  # another one's file stays
            with contextlib.suppress(OSError):
                MAIL_FILE.unlink()
        server.close()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(prog="python -m labkit.services.mail_server")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 inside a container")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
