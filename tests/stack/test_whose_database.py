"""The lab knows its own database from somebody else's, in a real server, and writes nothing."""

import pytest
import redis

from lab_home import MARK, whose_database
from labkit.broker.server import EmbeddedBroker


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    try:
        broker.start()
        with redis.Redis.from_url(broker.url) as client:
            yield client
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        ([], "empty"),
        ([MARK, "anything"], "ours"),
        (["basic", "_kombu.binding.basic"], "ours"),  # a task was sent before any worker ran
        (["lesson25.orders", "_kombu.binding.lesson25.orders"], "ours"),
        (["_kombu.binding.basic", "celery-taskset-meta-1"], "ours"),  # so was a chord
        (["_kombu.binding.celery.pidbox"], "ours"),  # somebody asked for workers that never came
        (["celery-task-meta-1"], "foreign"),  # the result database of another project
        (["celery", "_kombu.binding.celery"], "foreign"),
        (["basic", "_kombu.binding.celery"], "foreign"),
        (["basic", "session:1"], "foreign"),
        ([b"\xff\xfe"], "foreign"),
    ],
)
def test_whose_database(server, keys, owner):
    for key in server.scan_iter():
        server.delete(key)
    for key in keys:
        server.set(key, "value")
    assert whose_database(server) == owner
    assert server.dbsize() == len(keys)


def test_a_mark_that_is_set_while_we_look_counts(server, monkeypatch):
    server.set(MARK, "a worker that starts")
    server.set("_kombu.binding.its-own-queue", "value")
    answers = iter([0, 1])
    monkeypatch.setattr(server, "exists", lambda _key: next(answers))
    assert whose_database(server) == "ours"
