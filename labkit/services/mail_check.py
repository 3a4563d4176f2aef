"""Is there a mail server, and is it one of the lab's?"""

import os
import socket
from pathlib import Path

from lab_env import line_that_sets, where_set
from lab_home import LAB_HOME, MAIL_FILE, choose_smtp_url, noted
from labkit.errors import LabError
from labkit.processes.identity import ProcessId
from labkit.processes.running_lab import processes_of, read_state, stopped_part
from work.mail.mail_answers import IDENT
from work.mail.smtp import server_of

ANSWER_S = 1.0  # it answers in milliseconds
MAX_BYTES = 500  # a greeting is one line


def mail_server_answers(process: ProcessId, home: Path) -> bool:
    """True if the mail server that we started greets whoever connects."""
    server = noted(home / MAIL_FILE.name)  # it writes this file when it listens
    return server.get("pid") == process.pid and IDENT in greeting(server["url"])


def greeting(url: str) -> str:
    """What the server at smtp://HOST:PORT says first; "" if nobody says anything."""
    try:
        with socket.create_connection(server_of(url), timeout=ANSWER_S) as connection:
            return connection.recv(MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""


def require_mail_server() -> None:
    """Raise LabError unless tasks would send their e-mails to a mail server of the lab's.

    Lessons tell it how to answer, and look into its mailboxes.
    """
    url = choose_smtp_url()
    said = greeting(url)
    for mail in processes_of(read_state(LAB_HOME), "mail"):
        if not said and (stopped := stopped_part("the lab's mail server", mail)):
            raise stopped
    if not said:
        raise LabError(f"no mail server answers at {url}{where_set('SMTP_URL')}", _own_instead())
    if IDENT not in said:
        raise LabError(
            f"the mail server at {url} is not the lab's, and this lesson needs that one"
            f"{where_set('SMTP_URL')}",
            _own_instead(),
        )


def _own_instead() -> str:
    """What brings the lab's own mail server: a lab that is up with another one must end first."""
    if line_that_sets("SMTP_URL"):
        return "grep -n SMTP_URL .env"
    return f"{'unset SMTP_URL; ' if os.environ.get('SMTP_URL') else ''}./lab down; ./lab up"
