"""Anybody can publish anything on the channel of events; the feed shows what it can read."""

import json
import time
import uuid
from collections.abc import Iterator
from functools import partial

import pytest
from celery import Celery

from labkit.monitor.event_feed import EventFeed
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.odd_messages import envelope
from tests.stack.helpers.patient import Patient

EVENT = {"type": "task-succeeded", "hostname": "one@host", "clock": 5, "utcoffset": 0, "pid": 1}
ODD_EVENTS = [
    None,
    5,
    "text",
    {},
    [1],
    {"type": 7},
    {"type": "task-started"},
    EVENT | {"uuid": [1], "timestamp": 1.0},
    EVENT | {"uuid": "a", "timestamp": "soon"},
    EVENT | {"uuid": "a", "timestamp": 1e300},
    EVENT | {"uuid": "a", "timestamp": 1.0, "hostname": None},
    EVENT | {"uuid": "a", "timestamp": 1.0, "clock": "x"},
]

STRANGE = ["{}", "5", '{"properties": {}}', envelope({}, b"\x80", "application/x-odd")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    one = Patient(tmp_path_factory.mktemp("events"))
    yield one
    one.close()


def publish(broker: Patient, raw: str) -> int:
    """What a program with a mistake would do; how many listen."""
    return broker.client.publish("/0.celeryev/task.succeeded", raw)


def counted(feed: EventFeed, before: int) -> bool:
    return feed.unread > before


def test_what_is_no_event_is_counted_and_the_feed_goes_on(broker):
    with Celery(broker=broker.url, set_as_current=False) as app:
        feed = EventFeed(app)
        try:
            for raw in [envelope({}, json.dumps(event).encode()) for event in ODD_EVENTS] + STRANGE:
                unread = feed.unread
                wait_until(partial(publish, broker, raw), what="it listens again")
                wait_until(partial(counted, feed, unread), what=f"{raw} is counted")
            wait_until(lambda: publish(broker, "garbage"), what="kombu leaves out what is no JSON")
            task_id = str(uuid.uuid4())
            good = EVENT | {"uuid": task_id, "timestamp": time.time(), "name": ["odd", "name"]}

            def shown() -> bool:
                publish(broker, envelope({}, json.dumps(good).encode()))
                return [task.task_id for task in feed.latest(5)] == [task_id]

            wait_until(shown, what="the event after all these is shown")
            assert (feed.latest(5)[0].state, feed.latest(5)[0].name) == (
                "SUCCESS",
                "['odd', 'name']",
            )
            assert not feed.ended
        finally:
            feed.stop()


def test_the_feed_ends_when_its_broker_does(tmp_path):
    own = Patient(tmp_path)
    with Celery(broker=own.url, set_as_current=False) as app:
        feed = EventFeed(app)
        wait_until(lambda: publish(own, "garbage"), what="it listens")
        own.close()
        wait_until(lambda: feed.ended, what="it has noticed")
        feed.stop()
