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
# with a dot after it.  RFC 5322 permits more, such as quotes and slashes; the shop does not.
_ADDRESS = re.compile(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_%+'-]+(\.[A-Za-z0-9_%+'-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)

# Every server accepts lines of 7-bit characters, so everything else is encoded into them.
_ON_THE_WIRE = policy.SMTP.clone(cte_type="7bit")


def check_address(address: object, what: str = "to_email") -> str:
    """Return one plain e-mail address, its domain in lower case.

    >>> check_address("Ada@Example.COM")
    'Ada@example.com'
    >>> check_address("ada and bob")
    Traceback (most recent call last):
    ...
    ValueError: to_email must be one address such as ada@example.com, got 'ada and bob'
    """
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise ValueError(f"{what} must be one address such as ada@example.com, got {address!r}")
    name, _, domain = address.partition("@")
    return f"{name}@{domain.lower()}"


def compose(to_email: str, subject: str, body: str, key: str | None = None) -> EmailMessage:
    """Return the e-mail, complete with sender, date and Message-ID.

    key: what the Message-ID is made of, so that a repeated e-mail can be recognised.
    Raises ValueError for a malformed address, and for a subject or body that is empty, too
    long or not plain text.  A line break in a header would let its writer add headers of
    their own (header injection), so it is refused.

    >>> message = compose("li@example.com", "欢迎", "Your seat is 12A.", key="1")
    >>> message["Subject"], message["Message-ID"]
    ('欢迎', '<1@example.com>')
    >>> [line for line in message.as_string().splitlines() if "Subject" in line]
    ['Subject: =?utf-8?b?5qyi6L+O?=']
    """
    message = EmailMessage(policy=_ON_THE_WIRE)
    message["From"] = SENDER
    message["To"] = check_address(to_email)
    message["Subject"] = _plain_text(subject, "subject", MAX_SUBJECT_CHARACTERS, line_breaks=False)
    message["Date"] = localtime()
    message["Message-ID"] = f"<{key or uuid.uuid4()}@example.com>"
    message.set_content(_plain_text(body, "body", MAX_BODY_CHARACTERS, line_breaks=True))
    return message


def _plain_text(text: object, what: str, max_characters: int, *, line_breaks: bool) -> str:
    """Return the text if it holds 1 to max_characters characters and no control characters."""
    if not isinstance(text, str):
        raise ValueError(f"{what} must be text, got {text!r}")
    if not 1 <= len(text) <= max_characters:
        raise ValueError(f"{what} must be 1 to {max_characters} characters, got {len(text)}")
    allowed = "\n\r\t" if line_breaks else ""
    for character in text:
        # Cc: control characters.  Cs: halves of a character.  Zl, Zp: line breaks of Unicode.
        if character not in allowed and unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise ValueError(f"{what} must be plain text without {character!a}, got {text!a:.80}")
    return text
