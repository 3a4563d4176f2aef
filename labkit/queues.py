"""Where a message is in Redis.  With labkit.results the one place that knows Celery's keys there.

    basic, basic\\x06\\x163, ...\\x166, ...\\x169   lists: the queue `basic`, one list a priority
    unacked, unacked_index                       what workers took and have not acknowledged

A producer pushes at the left end of a list and a worker pops at the right end, so the oldest
message is the last one (index -1).  Every function takes a client from labkit.redis_check.
"""

import base64
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

# Redis has no priorities; kombu keeps four lists a queue.  0 is the highest; a message that names
# no priority has 0.  The two bytes can be in no sensible queue name.
PRIORITIES = (0, 3, 6, 9)
SEPARATOR = "\x06\x16"
CONTROL = "celery.pidbox"  # the exchange of `celery inspect` and `celery control`
NOT_QUEUES = ("celery-taskset-meta-", "_kombu")  # other lists that Celery may keep
READ_AT_ONCE = 500  # unacked messages whose queue is looked up; more cost too much each second


def list_name(queue: str, priority: int) -> str:
    """The Redis list of one queue and priority (0, 3, 6 or 9).

    >>> list_name("basic", 0), list_name("basic", 9)
    ('basic', 'basic\\x06\\x169')
    """
    return f"{queue}{SEPARATOR}{priority}" if priority else queue


@dataclass(frozen=True)
class Message:
    """One message as it lies in Redis, decoded except for its arguments."""

    task_id: str
    task: str  # the name of the task
    headers: dict[str, Any]
    properties: dict[str, Any]
    body: str  # base64 text

    @property
    def eta(self) -> datetime | None:
        """When it is due, if it was sent with eta, countdown or a retry's wait."""
        return moment(self.headers.get("eta"))

    @property
    def expires(self) -> datetime | None:
        """After this a worker throws it away instead of running it."""
        return moment(self.headers.get("expires"))

    def arguments(self) -> tuple[list, dict]:
        """(args, kwargs); ValueError if the body is not JSON."""
        args, kwargs, _embed = json.loads(base64.b64decode(self.body))
        return args, kwargs


def moment(text: str | None) -> datetime | None:
    """A time as Celery writes it, which is UTC where it names no zone; None for none."""
    when = datetime.fromisoformat(text) if text else None
    return when.replace(tzinfo=UTC) if when and when.tzinfo is None else when


def decode_message(raw: str) -> Message:
    """Decode what a queue's list holds; ValueError if it is no message of Celery's."""
    try:
        return message_of(json.loads(raw))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no Celery message: {error!r}") from None


def message_of(content: dict[str, Any]) -> Message:
    """The Message in an envelope: its keys headers, properties and body."""
    headers = content["headers"]
    return Message(
        str(headers["id"]), str(headers["task"]), headers, content["properties"], content["body"]
    )


def needle(task_id: str) -> str:
    """A task id as it stands in a message's text, quotes included; a short id is in many words."""
    return json.dumps(task_id)


# -- Waiting messages ---------------------------------------------------------------------------


def lengths(client: redis.Redis, queues: Iterable[str]) -> dict[str, dict[int, int]]:
    """{queue: {priority: waiting messages}}.  LLEN is as quick for a long list as for a short."""
    names = list(queues)
    pipeline = client.pipeline(transaction=False)
    for queue in names:
        for priority in PRIORITIES:
            pipeline.llen(list_name(queue, priority))
    numbers = iter(pipeline.execute())
    return {queue: {priority: next(numbers) for priority in PRIORITIES} for queue in names}


def queues_with_messages(client: redis.Redis, limit_s: float = 0.2) -> set[str]:
    """Every queue that holds messages, whoever made it: the lists among the keys.

    It looks at all keys (results, too), and stops after limit_s seconds.
    """
    found: set[str] = set()
    cursor, deadline = 0, time.monotonic() + limit_s
    while True:
        answer: Any = client.scan(cursor, count=5000, _type="list")
        cursor, keys = answer
        for key in keys:
            if not key.startswith(NOT_QUEUES) and not key.endswith(CONTROL):
                found.add(key.partition(SEPARATOR)[0])
        if cursor == 0 or time.monotonic() > deadline:
            return found


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


def unacked_count(client: redis.Redis) -> int:
    """How many messages workers hold: reserved, waiting for their ETA, or running (late ack)."""
    return client.hlen("unacked")


def unacked_by_queue(client: redis.Redis, limit: int = READ_AT_ONCE) -> dict[str, int] | None:
    """{queue: unacked messages}; None if there are more than `limit`, which would cost too much.

    One hash holds those of all queues, so each message must be read for the name of its queue.
    """
    if client.hlen("unacked") > limit:
        return None
    return dict(Counter(json.loads(raw)[2] for raw in client.hvals("unacked")))


@dataclass(frozen=True)
class UnackedSearch:
    """What find_unacked found, and how many of the unacknowledged messages it looked at."""

    found: Unacked | None
    looked_at: int
    total: int


def find_unacked(client: redis.Redis, task_id: str, limit_s: float = 0.8) -> UnackedSearch:
    """Look for a task's unacknowledged message during limit_s seconds (about 80,000 messages)."""
    deadline = time.monotonic() + limit_s
    total, looked_at = unacked_count(client), 0
    for tag, raw in client.hscan_iter("unacked", count=1000):
        looked_at += 1
        if needle(task_id) in raw:
            with suppress(ValueError, KeyError, TypeError):
                content, _exchange, queue = json.loads(raw)
                message = message_of(content)
                if message.task_id == task_id:
                    taken_at = client.zscore("unacked_index", tag) or time.time()
                    return UnackedSearch(Unacked(message, queue, taken_at), looked_at, total)
        if time.monotonic() > deadline:
            break
    return UnackedSearch(None, looked_at, total)


# -- Workers ------------------------------------------------------------------------------------


def listeners(client: redis.Redis) -> int:
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
            "delivery_info": {"exchange": CONTROL, "routing_key": ""},
            "body_encoding": "base64",
            "priority": 0,
        },
    }
    database = client.connection_pool.connection_kwargs.get("db") or 0
    return client.publish(f"/{database}.{CONTROL}", json.dumps(envelope))


def node_names(client: redis.Redis) -> set[str]:
    """The names of the workers and Beats that were connected; those of killed ones stay."""
    members: Any = client.smembers(f"_kombu.binding.{CONTROL}")
    return {member.split(SEPARATOR)[-1].removesuffix(f".{CONTROL}") for member in members}
