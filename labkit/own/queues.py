"""Queues of a lesson's own: empty when it begins, gone when it ends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redis

from lab_home import REDIS_URL
from labkit.broker.check import client_for
from labkit.broker.layout import KOMBU, Layout, layout_of
from labkit.broker.messages import Message, decode_taken


@contextmanager
def own_queues(*queues: str) -> Iterator[redis.Redis]:
    """Remove these queues before and after a block; give a client of the broker.

    Put it around the workers: what a worker holds when it stops, it puts back.
    """
    from celery_app import app  # deferred: remove_queues needs no app

    client, layout = client_for(REDIS_URL), layout_of(app)
    try:
        remove_queues(client, queues, layout)  # what an interrupted run may have left
        yield client
    finally:
        remove_queues(client, queues, layout)
        client.close()


def queued_and_unacked(client: redis.Redis, queue: str) -> tuple[int, int]:
    """How many messages wait in a queue, and how many workers took from it, at one moment.

    Only for a queue without priorities.
    """
    both: Any = client.pipeline()  # MULTI, EXEC
    queued, taken = both.llen(queue).hvals(KOMBU.unacked).execute()
    return queued, sum(raw.endswith(f'"{queue}"]') for raw in taken)  # [message, exchange, queue]


def remove_queues(client: redis.Redis, queues: Sequence[str], layout: Layout = KOMBU) -> None:
    """Delete every key and every unacked message of these queues, and nothing else.

    Only for queues that nobody uses any more.
    """
    keys = [layout.list_name(queue, priority) for queue in queues for priority in layout.priorities]
    for queue in queues:
        keys += [layout.key(f"_kombu.binding{kind}.{queue}") for kind in ("", "_permanent")]
    client.delete(*keys)
    remove_taken(client, layout, lambda _message, queue: queue in queues)


def remove_taken(client: redis.Redis, layout: Layout, which: Callable[[Message, str], bool]) -> int:
    """Remove the unacked messages for which `which(message, queue)` holds; how many there were."""
    tags = []
    for tag, raw in client.hscan_iter(layout.unacked, count=1000):
        with suppress(ValueError):  # what is no message is of no queue
            message, _exchange, queue = decode_taken(raw)
            if which(message, queue):
                tags.append(tag)
    if tags:
        client.hdel(layout.unacked, *tags)
        client.zrem(layout.unacked_index, *tags)
    return len(tags)
