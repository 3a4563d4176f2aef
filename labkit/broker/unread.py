"""What in Redis cannot be read as messages, and what it does to the workers: sentences."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from labkit.broker.deadly import EACH_ENDS, ONE_ENDS, RECONNECTS, deadly, envelope_trouble
from labkit.broker.layout import KOMBU, Layout
from labkit.broker.messages import JSON, NO_ENVELOPE, NO_TRIPLE, accepted_types, message_of, parsed
from labkit.broker.queues import wrong_types
from labkit.words import several

if TYPE_CHECKING:
    from celery import Celery

LOOKED_AT = 10  # the next messages of each list: a worker takes these first


def trouble(raw: str, accepted: Collection[str] = (JSON,)) -> str:
    """What becomes of a waiting message that no worker can run; "" for any other.

    Tried with a worker of Celery 5.7, one message of each kind.
    """
    try:
        content = parsed(raw)
        message = message_of(content)
    except ValueError as error:
        if str(error) == NO_ENVELOPE:
            return f"{error}, and no worker can run it"
        return f"{error}, and {ONE_ENDS}"
    if wrong := envelope_trouble(content):
        return wrong
    why = message.refusal(accepted)
    if why and why in {NO_TRIPLE, deadly(message.headers)}:
        return f"{why}, and {EACH_ENDS}"
    if message.task and not message.headers.get("id"):
        connects = f"{RECONNECTS}, again and again"
        stores = "no worker can store what becomes of it"
        return f"it names no id, and {stores if 'id' in message.headers else connects}"
    return f"{why}, and the worker that takes it throws it away" if why else ""


@dataclass(frozen=True)
class Unread:
    """Sentences about what cannot be read: keys, waiting messages by their queue, taken ones."""

    keys: list[str]
    waiting: dict[str, str]
    taken: list[str]

    def sentences(self) -> list[str]:
        """All of them, in this order."""
        return [*self.keys, *self.waiting.values(), *self.taken]


def all_unread(
    app: "Celery",
    client: redis.Redis,
    lengths: Mapping[str, Mapping[int, int]],
    taken: Mapping[str, int] | None,
    layout: Layout = KOMBU,
) -> Unread:
    """What cannot be read in this app's queues.

    lengths, taken: what lengths and unacked_by_queue of labkit.broker.queues gave.
    """
    count = (taken or {}).get("")
    return Unread(
        unread_keys(client, lengths.keys(), layout),
        unread_waiting(client, lengths, accepted_types(app), layout),
        [f"{several(count, 'message')} that workers took cannot be read"] if count else [],
    )


def unread_waiting(
    client: redis.Redis,
    lengths: Mapping[str, Mapping[int, int]],
    accepted: Collection[str] = (JSON,),
    layout: Layout = KOMBU,
) -> dict[str, str]:
    """{queue: a sentence} for each queue of whose next messages some cannot be run.

    lengths: what labkit.broker.queues.lengths gave.  It looks at LOOKED_AT messages of each list.
    """
    lists = [
        (queue, layout.list_name(queue, priority))
        for queue, by_priority in lengths.items()
        for priority, count in by_priority.items()
        if count
    ]
    pipeline = client.pipeline(transaction=False)
    for _, key in lists:
        pipeline.lrange(key, -LOOKED_AT, -1)
    found: dict[str, list[str]] = {}
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for (queue, _), texts in zip(lists, answers, strict=True):
        if isinstance(texts, list):  # else another program has put something in its place
            found.setdefault(queue, []).extend(trouble(one, accepted) for one in reversed(texts))
    return {queue: _sentence(queue, said) for queue, said in found.items() if any(said)}


def _sentence(queue: str, said: list[str]) -> str:
    looked_at, bad = len(said), [one for one in said if one]
    if looked_at == 1:
        return f"the one message in the queue {queue!r} cannot be run: {bad[0]}"
    next_ones = f"{len(bad)} of the next {looked_at} messages in the queue {queue!r}"
    return f"{next_ones} cannot be run; the first: {bad[0]}"


def unread_keys(client: redis.Redis, queues: Collection[str], layout: Layout = KOMBU) -> list[str]:
    """A sentence for each key that should hold messages and is of another type."""
    return [
        f"the key {key!r} holds a {kind}, where messages belong: it cannot be read"
        for key, kind in wrong_types(client, queues, layout).items()
    ]
