"""E-mails that are refused before they are sent, and what passes instead."""

import email
from email import policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.realworld_tasks import send_email
from tests.helpers.mail_servers import server
from work.mail import emails

__all__ = ["server"]


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "ada@exa mple.com",
        "ada@example.com\n", "ada@example.com\r\nBcc: bob@example.com", "ada@example.com,bob@x.org",
        "Ada <ada@example.com>", "../ada@example.com", "a/b@example.com", ".ada@example.com",
        "ada.@example.com", "a..da@example.com", "ada@-example.com", "ada@example..com",
        "ada@[127.0.0.1]", "ада@example.com", "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com", "a@" + "bcd." * 63 + "com", None, 5, ["ada@example.com"],
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused(server, address):
    with pytest.raises(ValueError, match=r"^to_email must be one address such as ada@example.com"):
        send_email(address, "hello", "text")
    assert server.kept() == []


@pytest.mark.parametrize("address", ["a@b.c", "root@localhost"])
def test_an_address_as_examples_have_it_is_taken(server, address):
    assert send_email(address, "Hi", "Text")["to"] == address
    assert server.kept() == [f"{address}/0001.eml"]


NAME = st.from_regex(r"[a-z0-9_%+'-]{1,20}(\.[a-z0-9_%+'-]{1,20}){0,2}", fullmatch=True)
DOMAIN = st.from_regex(r"([A-Za-z0-9]{1,10}\.){1,3}[a-z]{2,10}", fullmatch=True)


@given(NAME, DOMAIN)
def test_an_ordinary_address_is_taken_and_its_domain_is_in_lower_case(name, domain):
    address = emails.check_address(f"{name}@{domain}")
    assert address == f"{name}@{domain.lower()}"
    assert emails.check_address(address) == address


@given(st.text() | st.emails() | st.builds("{}@{}{}".format, NAME, DOMAIN, st.text(max_size=3)))
@example("ada@example.com\n")
@example("ada@example.com\u2028")
def test_whatever_passes_as_an_address_can_be_a_header_and_the_name_of_a_folder(text):
    try:
        address = emails.check_address(text)
    except ValueError:
        return
    assert address.isascii() and address.isprintable()
    assert address.count("@") == 1 and not set(address) & set(' /\\<>,:;"')
    assert not address.startswith(".")


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028"])
def test_a_line_break_in_the_subject_is_refused(server, line_break):
    with pytest.raises(ValueError, match=r"^subject must be plain text without "):
        send_email("ada@example.com", f"hello{line_break}Bcc: bob@example.com", "text")
    assert server.kept() == []


@pytest.mark.parametrize(
    ("subject", "body", "sentence"),
    [
        ("", "text", "^subject must be 1 to 200 characters, got 0$"),
        ("x" * 201, "text", "^subject must be 1 to 200 characters, got 201$"),
        (5, "text", "^subject must be text, got 5$"),
        ("hello", "", "^body must be 1 to 100000 characters, got 0$"),
        ("hello", None, "^body must be text, got None$"),
        ("hello", "a\0b", r"^body must be plain text without '\\x00', got 'a\\x00b'$"),
        ("\ud800", "text", r"^subject must be plain text without '\\ud800', got "),
    ],
)
def test_a_subject_or_body_that_is_no_text_is_refused(server, subject, body, sentence):
    with pytest.raises(ValueError, match=sentence):
        send_email("ada@example.com", subject, body)


def test_a_line_break_in_the_disguise_of_an_encoded_word_is_refused(server):
    with pytest.raises(ValueError, match=r"^subject must be plain text without '=\?', got "):
        send_email("ada@example.com", "hello =?utf-8?q?x=0ABcc:_bob@example.com?= you", "text")
    assert server.kept() == []


def test_a_task_id_that_would_break_the_message_id_is_refused(server):
    outcome = send_email.apply(("ada@example.com", "hello", "text"), task_id="x>\nBcc: b@x.org")
    assert str(outcome.result).startswith("key must be letters, digits and . _ - only, got ")


LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)
TRICKY = st.lists(st.sampled_from(["=", "?", "=?utf-8?q?", "=0A", "?=", " ", "_", "a:", '"', "欢"]))
HEADERS = "From To Subject Date Message-ID Content-Type Content-Transfer-Encoding MIME-Version"


@settings(deadline=None)
@given(LINE | TRICKY.map("".join), st.lists(LINE, max_size=3))
def test_every_subject_and_body_that_is_taken_can_be_read_again(subject, paragraphs):
    body = "\n".join(paragraphs)
    try:
        content = emails.compose("ada@example.com", subject, body).as_bytes()
    except ValueError:
        assert not body or not subject.strip(" ") or "=?" in subject or len(subject) > 200
        return
    message = email.message_from_bytes(content, policy=policy.default)
    assert message.keys() == HEADERS.split() and not message.defects
    assert message["Subject"] == subject.strip(" ")
    assert message.get_content().splitlines() == body.split("\n")[: None if paragraphs[-1] else -1]
