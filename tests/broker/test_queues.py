"""Decoding what lies in Redis, without a broker."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.broker.queues import decode_message, list_name
from labkit.broker.results import result_of
from labkit.doctor.task_ids import checked_task_id
from labkit.errors import LabError
from tests.stack.helpers.odd_messages import envelope, headers


@pytest.mark.parametrize("text", ["2026-01-31T07:30:00+00:00", "2026-01-31T07:30:00"])
def test_a_time_without_a_zone_is_meant_in_utc(text):
    message = decode_message(envelope(headers("7", eta=text, expires=text)))
    assert message.eta == message.expires == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5) | st.text())
def test_what_is_no_message_is_a_value_error_and_nothing_else(content):
    for raw in (json.dumps(content), json.dumps({"headers": content}), str(content)):
        with pytest.raises(ValueError):
            decode_message(raw)


def test_a_result_without_an_end_has_no_time():
    result = result_of({"status": "STARTED", "result": {"pid": 1}, "date_done": None})
    assert (result.status, result.done_at) == ("STARTED", None)


@given(st.text(alphabet=st.characters(exclude_characters="\x06\x16"), min_size=1))
def test_the_highest_priority_has_the_plain_name(queue):
    assert list_name(queue, 0) == queue
    assert len({list_name(queue, priority) for priority in (0, 3, 6, 9)}) == 4


@given(st.text())
def test_any_text_is_an_id_or_a_wrong_use_in_one_sentence(text):
    try:
        assert checked_task_id(text).isprintable()
    except LabError as error:
        assert error.exit_code == 2
        assert str(error).count("\n") == 2
        assert str(error).isascii() or str(error).replace("\n", "").isprintable()
