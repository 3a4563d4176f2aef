"""Decoding one message, and finding an id in the messages of others, without a broker."""

import base64
import json
import uuid
import zlib
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from hypothesis import given
from hypothesis import strategies as st

from labkit.broker.layout import KOMBU, Layout, layout_of
from labkit.broker.mentions import Mentions, kinds_in, needles
from labkit.broker.messages import GZIP, Message, decode_message, moment
from tests.stack.helpers.odd_messages import BODY, TASK, envelope, headers, old

ID = str(uuid.uuid4())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What an app sends over Celery's own broker in memory, decoded."""
    messages: list[Message] = []
    monkeypatch.setattr(
        "kombu.transport.memory.Channel._put",
        lambda _channel, _queue, message, **_: messages.append(decode_message(json.dumps(message))),
    )
    return messages


def test_protocol_1_is_read_like_protocol_2():
    first = decode_message(envelope({}, old(ID, eta="2030-01-01T00:00:00", retries=2)))
    second = decode_message(envelope(headers(ID, eta="2030-01-01T00:00:00+00:00", retries=2)))
    assert (first.protocol, second.protocol) == (1, 2)
    for message in (first, second):
        assert (message.task_id, message.task, message.retries) == (ID, TASK, 2)
        assert message.arguments() == ([1, 2], {})
        assert message.eta == moment("2030-01-01T00:00:00+00:00")
        assert (message.unread, message.refusal()) == ([], "")
    assert decode_message(envelope(headers(ID))).eta is None


def test_a_compressed_body_is_read_and_a_bomb_is_not():
    small, bomb = json.dumps(BODY).encode(), b"[" + b"0," * (1 << 24) + b"0]"
    said = headers(ID, compression=GZIP)
    assert decode_message(envelope(said, zlib.compress(small))).arguments() == ([1, 2], {})
    message = decode_message(envelope(said, zlib.compress(bomb)))
    assert (message.unread, message.refusal()) == (["its body is no JSON"], "")


@given(
    st.dictionaries(
        st.sampled_from(["id", "task", "eta", "expires", "retries", "group"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_no_headers_are_an_error_in_what_is_asked_of_a_message(said):
    message = decode_message(envelope(said))
    assert isinstance(
        "".join([*message.unread, message.refusal(), message.task_id, message.task]), str
    )
    assert message.retries >= 0 or isinstance(said.get("retries"), int)
    assert kinds_in(message, ID) <= {"group"}


@given(st.text(min_size=16), st.text(), st.text())
def test_an_id_is_found_wherever_it_stands_in_base64(task_id, before, after):
    text = json.dumps(before + task_id + after)
    body = base64.b64encode(text.encode()).decode()
    assert any(needle in body for needle in needles(task_id)[1:])


def mentioned(messages: list[Message], task_id: str) -> dict[str, int]:
    found = Mentions()
    for number, message in enumerate(messages):
        if message.task_id != task_id:
            found.look(f"{number}", message, "basic", task_id)
    return dict(found.counts)


def test_later_steps_and_groups_are_found_in_the_messages_before_them(sent):
    with Celery(broker="memory://", backend="cache+memory://", set_as_current=False) as app:

        @app.task(name="step")
        def step() -> None: ...

        one = step.si
        last: Any = chain(one(), one(), chord([one(), one()], one()), one()).apply_async()
        assert mentioned(sent, last.id) == {"chain": 1}
        assert mentioned(sent, last.parent.id) == {"chain": 1}  # what follows the chord in it
        sent.clear()
        three: Any = group(one(), one(), one()).apply_async()
        assert mentioned(sent, three.id) == {"group": 3}
        sent.clear()
        step.apply_async(link=one().set(task_id="good"), link_error=one().set(task_id="bad"))
        assert mentioned(sent, "good") == {"callback": 1}
        assert mentioned(sent, "bad") == {"errback": 1}


def test_an_argument_that_is_an_id_is_no_mention():
    body = [[ID, {"task_id": ID}], {"options": ID}, BODY[2]]
    assert kinds_in(decode_message(envelope(headers("7"), json.dumps(body).encode())), ID) == set()


def test_an_id_in_a_body_that_cannot_be_read_is_said_to_stand_there():
    message = decode_message(envelope(headers("7"), f"\x80{ID}".encode(), "application/x-odd"))
    assert kinds_in(message, ID) == {"body"}


def test_the_layout_is_what_the_settings_say():
    with Celery(broker="redis://", set_as_current=False) as app:
        assert layout_of(app) == KOMBU
        app.conf.control_exchange = "shop"
        app.conf.broker_transport_options = {
            "priority_steps": [0, 5],
            "sep": ":",
            "global_keyprefix": "shop:",
            "unacked_key": "taken",
            "fanout_prefix": False,
        }
        layout = layout_of(app)
    assert layout == Layout((0, 5), ":", "shop:", "taken", "unacked_index", "", "shop.pidbox")
    assert layout.list_name("basic", 5) == "shop:basic:5"
    queues = {
        key: layout.queue_of(key) for key in ("shop:a:5", "shop:a:b", "a", "shop:x.shop.pidbox")
    }
    assert queues == {"shop:a:5": "a", "shop:a:b": "a:b", "a": "", "shop:x.shop.pidbox": ""}


@pytest.mark.parametrize("key", ["celery-task-meta-7", "chord-unlock-7", "unacked_mutex"])
def test_a_list_in_the_place_of_celerys_other_keys_is_no_queue(key):
    assert KOMBU.queue_of(key) == ""


@given(st.text(min_size=1), st.sampled_from([0, 3, 6, 9]))
def test_a_list_is_known_again_by_its_name(queue, priority):
    found = KOMBU.queue_of(KOMBU.list_name(queue, priority))
    assert found in {queue, ""}
