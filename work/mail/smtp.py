"""Hand an e-mail to a mail server, by SMTP: the conversation that carries all e-mail.

The server's answers are numbers.  2xx: taken.  4xx: not now, and later may be different.
5xx: no, and asking again changes nothing.
"""

import smtplib
from contextlib import suppress
from email.message import EmailMessage
from urllib.parse import urlsplit

TIMEOUT_S = 5  # for each answer; smtplib's own is none: a silent server would hold a slot for ever

# How we greet the server.  Without it smtplib asks DNS for this machine's name, and waits for that
# without a limit.  A real application names its own host.
OUR_NAME = "[127.0.0.1]"


class MailBusy(Exception):
    """The server was busy, silent or not there; the same e-mail may be sent again later."""


class MailRefused(Exception):
    """The server has said no.  Sending the same e-mail again would change nothing."""


def send(message: EmailMessage, smtp_url: str, timeout_s: float = TIMEOUT_S) -> None:
    """Hand over one e-mail to the server at smtp://HOST:PORT.

    Returns once the server has said that it has taken the e-mail, and not before.  Where the
    connection breaks earlier, nobody can know whether it has: MailBusy, and perhaps two e-mails
    with one Message-ID in the end.

    A real application also encrypts and logs in: smtplib.SMTP_SSL, or starttls(), and login().
    """
    host, port = server_of(smtp_url)
    try:
        server = smtplib.SMTP(host, port, OUR_NAME, timeout=timeout_s)
        try:
            server.send_message(message)
        finally:
            with suppress(smtplib.SMTPException, OSError):  # by now the e-mail is taken, or not
                server.quit()
            server.close()
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))  # we send to one
        raise _refusal(code, text) from None
    except smtplib.SMTPResponseException as error:  # to a greeting, the sender or the text
        raise _refusal(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPServerDisconnected as error:  # it hung up, or said nothing for timeout_s
        raise MailBusy(f"the mail server at {host}:{port} broke off: {error}") from None
    except OSError as error:
        raise MailBusy(f"the mail server at {host}:{port} is not there: {error}") from None


def server_of(smtp_url: str) -> tuple[str, int]:
    """The host and the port of a mail server.

    >>> server_of("smtp://127.0.0.1:1025")
    ('127.0.0.1', 1025)
    >>> server_of("http://127.0.0.1")
    Traceback (most recent call last):
    ...
    ValueError: SMTP_URL must be smtp://HOST:PORT, got 'http://127.0.0.1'
    """
    try:
        parts = urlsplit(smtp_url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, brackets that do not close
        host = port = None
    if not smtp_url.startswith("smtp://") or not host or not port or parts.username:
        raise ValueError(f"SMTP_URL must be smtp://HOST:PORT, got {smtp_url!r}")
    return host, port


def _refusal(code: int, text: bytes | str) -> Exception:
    """The exception for an answer of the server."""
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    sentence = f"the mail server answered {code} {words}"
    return MailRefused(sentence) if code >= 500 else MailBusy(sentence)
