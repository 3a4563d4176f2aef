"""Queues of a lesson's own: empty when it begins, gone when it ends."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from lab_home import REDIS_URL
from labkit.queues import PRIORITIES, list_name
from labkit.redis_check import client_for


@contextmanager
def own_queues(*queues: str) -> Iterator[redis.Redis]:
    """Remove these queues before and after a block; give a client of the broker.

    Put it around the workers: what a worker holds when it stops, it puts back.
    """
    client = client_for(REDIS_URL)
    try:
        remove_queues(client, queues)  # what an interrupted run may have left
        yield client
    finally:
        remove_queues(client, queues)
        client.close()


def remove_queues(client: redis.Redis, queues: Sequence[str]) -> None:
    """Delete every key and every unacked message of these queues, and nothing else.

    Only for queues that nobody uses any more.
    """
    keys = [list_name(queue, priority) for queue in queues for priority in PRIORITIES]
    for queue in queues:
        keys += [f"_kombu.binding.{queue}", f"_kombu.binding_permanent.{queue}"]
    client.delete(*keys)
    for tag, raw in client.hscan_iter("unacked", count=1000):
        _content, _exchange, queue = json.loads(raw)
        if queue in queues:
            client.hdel("unacked", tag)
            client.zrem("unacked_index", tag)
