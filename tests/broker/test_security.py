"""What lesson 39 leans on: the three serializers, certificates, and changed messages."""

import base64
import json
import runpy
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from labkit.own.tampering import with_another_task, with_another_text
from labkit.own.tls import make_certificate

SERIALIZERS = runpy.run_path(
    str(Path(__file__).parents[2] / "examples/advanced/three_serializers.py")
)
outcome, NAMES = SERIALIZERS["outcome"], SERIALIZERS["NAMES"]

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("name", ["json", "pickle"])
@given(value=plain)
def test_text_numbers_lists_and_dicts_of_text_come_as_they_were(name, value):
    assert outcome(value, name) == "same"


def test_what_becomes_of_a_value_is_told():
    assert [outcome({12: "A"}, name) for name in NAMES] == ["{'12': 'A'}", "same", "same"]
    assert [outcome({"12A"}, name) for name in NAMES] == ["refused", "same", "same"]


def test_a_key_is_for_its_owner_alone_and_the_certificate_is_valid_now(tmp_path):
    key, certificate = make_certificate(tmp_path, "shop")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert found.not_valid_before_utc < datetime.now(UTC) < found.not_valid_after_utc


@pytest.fixture
def raw():
    """A message with a signed body, as Redis holds it."""
    signed = base64.b64encode(b'c2lnbmVy\x00\x01c2lnbmF0dXJl\x00\x01[["TL-1"], {}, {}]')
    headers = {"task": "signed.charge", "id": "1", "root_id": "1"}
    properties = {"correlation_id": "1", "delivery_tag": "1"}
    body = base64.b64encode(signed).decode()
    return json.dumps({"body": body, "headers": headers, "properties": properties})


def test_another_text_is_in_the_body_and_nowhere_else(raw):
    task_id, changed = with_another_text(raw, "TL-1", "TL-2")
    before, after = json.loads(raw), json.loads(changed)
    assert b'[["TL-2"]' in base64.b64decode(base64.b64decode(after["body"]))
    assert after["headers"] == before["headers"] | {"id": task_id, "root_id": task_id}


def test_another_task_leaves_the_body_as_it_was(raw):
    task_id, changed = with_another_task(raw, "signed.refund")
    after = json.loads(changed)
    assert after["body"] == json.loads(raw)["body"]
    assert (after["headers"]["task"], after["headers"]["id"]) == ("signed.refund", task_id)


def test_a_text_that_is_not_there_cannot_be_changed(raw):
    with pytest.raises(ValueError, match=r"^the body does not hold 'TL-9'$"):
        with_another_text(raw, "TL-9", "TL-2")
