"""Where a message is in Redis: the queues, what workers took, and who is connected.

A producer pushes at the left end of a list and a worker pops at the right end, so the oldest
message is the last one (index -1).  Every function takes a client from labkit.broker.check, and
the Layout of the app whose messages they are (labkit.broker.layout.layout_of); else kombu's own.
"""

import base64
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from labkit.broker.bindings import Bindings
from labkit.broker.layout import KOMBU, Layout, is_wrong_type, scanned
from labkit.broker.mentions import Mentions, needles
from labkit.broker.messages import Message, decode_message, needle

__all__ = ["Message", "decode_message", "needle"]  # of labkit.broker.messages

PRIORITIES = KOMBU.priorities
list_name = KOMBU.list_name
UNKNOWN = "\ufffd"  # what client_for makes of bytes that are no UTF-8
READ_AT_ONCE = 500  # unacked messages whose queue is looked up; more cost too much each second

# -- Waiting messages ---------------------------------------------------------------------------


def lengths(
    client: redis.Redis, queues: Iterable[str], layout: Layout = KOMBU
) -> dict[str, dict[int, int]]:
    """{queue: {priority: waiting messages}}.  LLEN is as quick for a long list as for a short.

    A key that is no list has no length, and counts 0: wrong_types names it.
    """
    names = list(queues)
    pipeline = client.pipeline(transaction=False)
    for queue in names:
        for priority in layout.priorities:
            pipeline.llen(layout.list_name(queue, priority))
    numbers = iter(_counts(pipeline.execute(raise_on_error=False)))
    return {queue: {priority: next(numbers) for priority in layout.priorities} for queue in names}


def _counts(answers: list) -> list[int]:
    """The answers with 0 for each that says WRONGTYPE; any other error is raised."""
    for answer in answers:
        if isinstance(answer, Exception) and not is_wrong_type(answer):
            raise answer
    return [answer if isinstance(answer, int) else 0 for answer in answers]


def wrong_types(
    client: redis.Redis, queues: Iterable[str], layout: Layout = KOMBU
) -> dict[str, str]:
    """{key: its type} of the keys that should hold messages and are of another type."""
    expected = {layout.list_name(one, step): "list" for one in queues for step in layout.priorities}
    expected |= {layout.unacked: "hash", layout.unacked_index: "zset"}
    pipeline = client.pipeline(transaction=False)
    for key in expected:
        pipeline.type(key)
    types = zip(expected, pipeline.execute(), strict=True)
    return {key: kind for key, kind in types if kind not in {"none", expected[key]}}


def queues_with_messages(client: redis.Redis, layout: Layout = KOMBU) -> set[str]:
    """Every queue that holds messages, whoever made it: the lists among the keys.

    It looks at all keys (results, too), and stops after SCAN_S seconds.  A name that is no UTF-8
    is left out, because it cannot be asked for.
    """
    return {name for name in lists(client, layout) if UNKNOWN not in name}


def lists(client: redis.Redis, layout: Layout) -> set[str]:
    """The queues behind all lists; a character of a name that is no UTF-8 is UNKNOWN."""
    keys = (key for page in scanned(client, _type="list") for key in page)
    return {queue for key in keys if (queue := layout.queue_of(key))}


def oldest(client: redis.Redis, queue: str, count: int = 1, priority: int = 0) -> list[Message]:
    """The next messages of a queue, the one that a worker takes first in front; takes nothing."""
    raw: Any = client.lrange(list_name(queue, priority), -count, -1)
    return [decode_message(text) for text in reversed(raw)]


# -- Messages that a worker has taken -----------------------------------------------------------


@dataclass(frozen=True)
class Unacked:
    """A message that a worker took and has not acknowledged: queue, and when (seconds, 1970)."""

    message: Message
    queue: str
    taken_at: float


def unacked_count(client: redis.Redis, layout: Layout = KOMBU) -> int:
    """How many messages workers hold: reserved, waiting for their ETA, or running (late ack)."""
    pipeline = client.pipeline(transaction=False)
    pipeline.hlen(layout.unacked)
    [count] = _counts(pipeline.execute(raise_on_error=False))
    return count


def unacked_by_queue(
    client: redis.Redis, limit: int = READ_AT_ONCE, layout: Layout = KOMBU
) -> dict[str, int] | None:
    """{queue: unacked messages}; None if there are more than `limit`, which would cost too much.

    One hash holds those of all queues, so each message must be read for the name of its queue.
    Those that cannot be read stand under "".
    """
    count = unacked_count(client, layout)
    if count > limit:
        return None
    held: Any = client.hvals(layout.unacked) if count else ()
    return dict(Counter(map(Bindings(client, layout).queue_in, held)))


@dataclass(frozen=True)
class UnackedSearch:
    """What find_unacked found, and how many of the unacknowledged messages it looked at.

    unreadable: how many of them are no messages of Celery's, or say neither id nor task; at least
        so many, where there are more than READ_AT_ONCE.
    mentions: messages of other tasks that name the id.
    """

    found: Unacked | None
    looked_at: int
    total: int
    unreadable: int = 0
    mentions: Mentions = field(default_factory=Mentions)


def find_unacked(
    client: redis.Redis, task_id: str, limit_s: float = 0.8, layout: Layout = KOMBU
) -> UnackedSearch:
    """Look for a task's unacknowledged message during limit_s seconds (about 80,000 messages)."""
    deadline, bindings = time.monotonic() + limit_s, Bindings(client, layout)
    total, looked_at, unreadable = unacked_count(client, layout), 0, 0
    mentions, texts = Mentions(), needles(task_id) if total > READ_AT_ONCE else [""]
    for tag, raw in client.hscan_iter(layout.unacked, count=1000) if total else ():
        if looked_at and time.monotonic() > deadline:
            break
        looked_at += 1
        # To decode each of very many would cost too much: only those that may be meant, or odd.
        if raw.startswith('[{"') and not any(text in raw for text in texts):
            continue
        try:
            message, queue = bindings.taken(raw)
        except ValueError:
            unreadable += 1
            continue
        unreadable += not message.named
        if message.task_id == task_id:
            taken_at = client.zscore(layout.unacked_index, tag) or time.time()
            found = Unacked(message, queue, taken_at)
            return UnackedSearch(found, looked_at, total, unreadable, mentions)
        mentions.look(raw, message, queue, task_id)
    return UnackedSearch(None, looked_at, total, unreadable, mentions)


def taken_first(client: redis.Redis, layout: Layout = KOMBU) -> dict[str, Unacked]:
    """{delivery tag: message} of those that workers took and have not acknowledged.

    The oldest READ_AT_ONCE of them, oldest first; without those that cannot be read.
    """
    times: Any = client.zrange(layout.unacked_index, 0, READ_AT_ONCE - 1, withscores=True)
    texts: Any = client.hmget(layout.unacked, [tag for tag, _ in times]) if times else []
    bindings, found = Bindings(client, layout), {}
    for (tag, taken_at), raw in zip(times, texts, strict=True):
        with suppress(ValueError):
            message, queue = bindings.taken(raw or "")
            found[tag] = Unacked(message, queue, taken_at)
    return found


def still_taken(
    client: redis.Redis, taken: dict[str, Unacked], layout: Layout = KOMBU
) -> dict[str, Unacked]:
    """Those that are still not acknowledged, and were not taken once more since."""
    times = client.zmscore(layout.unacked_index, list(taken)) if taken else []
    pairs = zip(taken.items(), times, strict=True)
    return {tag: one for (tag, one), taken_at in pairs if taken_at == one.taken_at}


# -- Workers ------------------------------------------------------------------------------------


def listeners(client: redis.Redis, layout: Layout = KOMBU) -> int:
    """How many workers and Beats are connected for `celery inspect` and `celery control`.

    Redis says how many clients received a published message; this one is addressed to nobody,
    so they all ignore it.  A worker that is too busy to answer is counted, too.
    """
    body = {"method": "ping", "arguments": {}, "destination": ["nobody"]}
    envelope = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {},
        "properties": {
            "delivery_mode": 1,
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": layout.control, "routing_key": ""},
            "body_encoding": "base64",
            "priority": 0,
        },
    }
    return client.publish(layout.channel(client, layout.control), json.dumps(envelope))
