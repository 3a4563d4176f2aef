"""Write an e-mail in the format in which it travels: headers, an empty line, a body."""

import re
import unicodedata
import uuid
from email import policy
from email.message import EmailMessage
from email.utils import localtime

SENDER = "Ticket shop <tickets@example.com>"  # example.com belongs to nobody, for examples
MAX_SUBJECT_CHARACTERS = 200  # mail programs show about 70
MAX_BODY_CHARACTERS = 100_000  # what is longer belongs into a file and a link

# The form of nearly every address in use: letters, digits and . _ % + - ' before the @, a domain
# with a dot in it, or localhost.  RFC 5322 permits more, such as quotes; the shop does not.
_ADDRESS = re.compile(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_%+'-]+(\.[A-Za-z0-9_%+'-]+)*"
    r"@(localhost|([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)"
)

_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}")  # every task id that Celery draws

# Every server accepts lines of 7-bit characters, so everything else is encoded into them.
_ON_THE_WIRE = policy.SMTP.clone(cte_type="7bit")


def check_address(address: object) -> str:
    """Return one plain e-mail address, its domain in lower case.

    >>> check_address("Ada@Example.COM")
    'Ada@example.com'
    >>> check_address("ada and bob")
    Traceback (most recent call last):
    ...
    ValueError: to_email must be one address such as ada@example.com, got 'ada and bob'
    """
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"to_email must be one address such as ada@example.com, got {address!r:.80}"
        )
    name, _, domain = address.partition("@")
    return f"{name}@{domain.lower()}"


def compose(to_email: str, subject: str, body: str, key: str | None = None) -> EmailMessage:
    """Return the e-mail, complete with sender, date and Message-ID.

    subject: spaces at its ends are left out.
    key: what the Message-ID is made of (letters, digits and . _ -), so that a repeated e-mail
        can be recognised; drawn by chance where it is None.
    Raises ValueError for a malformed address, and for a subject or body that is empty, too
    long or not plain text.

    >>> message = compose("li@example.com", "欢迎", "Your seat is 12A.", key="1")
    >>> message["Subject"], message["Message-ID"]
    ('欢迎', '<1@example.com>')
    >>> [line for line in message.as_string().splitlines() if "Subject" in line]
    ['Subject: =?utf-8?b?5qyi6L+O?=']
    """
    if key is not None and not _KEY.fullmatch(key):
        raise ValueError(f"key must be letters, digits and . _ - only, got {key!r:.80}")
    message = EmailMessage(policy=_ON_THE_WIRE)
    message["From"] = SENDER
    message["To"] = check_address(to_email)
    message["Subject"] = _check_subject(subject)
    message["Date"] = localtime()
    message["Message-ID"] = f"<{key or uuid.uuid4()}@example.com>"
    message.set_content(_check_text(body, "body", MAX_BODY_CHARACTERS, allowed="\n\r\t"))
    return message


def _check_subject(subject: object) -> str:
    """Return the subject; refuse what would let its writer add headers (header injection).

    A line break is one way.  The other is an encoded word, =?utf-8?q?...?=, which is how a
    subject in Chinese travels: it can hold a line break in disguise, and some versions of
    Python's email package write that out as a real one.
    """
    if isinstance(subject, str):
        subject = subject.strip(" ")
        if "=?" in subject:
            raise ValueError(f"subject must be plain text without '=?', got {subject!a:.80}")
    return _check_text(subject, "subject", MAX_SUBJECT_CHARACTERS, allowed="")


def _check_text(text: object, what: str, max_characters: int, allowed: str) -> str:
    """Return the text if it has 1 to max_characters, and only the allowed control characters."""
    if not isinstance(text, str):
        raise ValueError(f"{what} must be text, got {text!r:.80}")
    if not 1 <= len(text) <= max_characters:
        raise ValueError(f"{what} must be 1 to {max_characters} characters, got {len(text)}")
    for character in text:
        # Cc: control characters.  Cs: halves of a character.  Zl, Zp: line breaks of Unicode.
        if character not in allowed and unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"{what} must be plain text without {character!a}, got {text!a:.80}")
    return text
