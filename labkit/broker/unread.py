"""What in Redis cannot be read as messages, and what it does to the workers: sentences."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from labkit.broker.deadly import EACH_ENDS, ONE_ENDS, RECONNECTS, envelope_trouble
from labkit.broker.layout import KOMBU, Layout
from labkit.broker.messages import JSON, NO_ENVELOPE, NO_TRIPLE, accepted_types, message_of, parsed
from labkit.broker.queues import wrong_types
from labkit.words import several

if TYPE_CHECKING:
    from celery import Celery

LOOKED_AT = 10  # the next messages of each list: a worker takes these first


@dataclass(frozen=True)
class Trouble:
    """What becomes of waiting messages that no worker can run.

    ends: a worker that takes one ends, or connects anew.
    """

    sentence: str
    ends: bool = False


def trouble(raw: str, accepted: Collection[str] = (JSON,)) -> Trouble | None:
    """What becomes of a waiting message that no worker can run; None for any other.

    Tried with a worker of Celery 5.7, one message of each kind.
    """
    try:
        content = parsed(raw)
        message = message_of(content)
    except ValueError as error:
        if str(error) == NO_ENVELOPE:
            return Trouble(f"{error}, and no worker can run it")
        return Trouble(f"{error}, and {ONE_ENDS}", ends=True)
    if wrong := envelope_trouble(content):
        return Trouble(wrong, ends=True)
    why = message.refusal(accepted)
    if why and why in {NO_TRIPLE, message.deadly}:
        return Trouble(f"{why}, and {EACH_ENDS}", ends=True)
    if message.task and not message.headers.get("id"):
        ends = "id" not in message.headers
        stores = "no worker can store what becomes of it"
        then = f"{RECONNECTS}, again and again" if ends else stores
        return Trouble(f"it names no id, and {then}", ends)
    return Trouble(f"{why}, and the worker that takes it throws it away") if why else None


@dataclass(frozen=True)
class Unread:
    """What cannot be read: keys, waiting messages by their queue, taken ones."""

    keys: list[str]
    waiting: dict[str, Trouble]
    taken: list[str]

    def sentences(self) -> list[str]:
        """What is said of it, in this order."""
        return [*self.keys, *(one.sentence for one in self.waiting.values()), *self.taken]


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
        [
            f"the key {key!r} holds a {kind}, where messages belong: it cannot be read"
            for key, kind in wrong_types(client, lengths, layout).items()
        ],
        unread_waiting(client, lengths, accepted_types(app), layout),
        [f"{several(count, 'message')} that workers took cannot be read"] if count else [],
    )


def unread_waiting(
    client: redis.Redis,
    lengths: Mapping[str, Mapping[int, int]],
    accepted: Collection[str] = (JSON,),
    layout: Layout = KOMBU,
) -> dict[str, Trouble]:
    """{queue: what to say} for each queue of whose next messages some cannot be run.

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
    found: dict[str, list[Trouble | None]] = {}
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    for (queue, _), texts in zip(lists, answers, strict=True):
        if isinstance(texts, list):  # else another program has put something in its place
            found.setdefault(queue, []).extend(trouble(one, accepted) for one in reversed(texts))
    return {queue: _of_all(queue, said) for queue, said in found.items() if any(said)}


def _of_all(queue: str, said: list[Trouble | None]) -> Trouble:
    looked_at, bad = len(said), [one for one in said if one]
    first, ends = bad[0].sentence, any(one.ends for one in bad)
    if looked_at == 1:
        return Trouble(f"the one message in the queue {queue!r} cannot be run: {first}", ends)
    next_ones = f"{len(bad)} of the next {looked_at} messages in the queue {queue!r}"
    return Trouble(f"{next_ones} cannot be run; the first: {first}", ends)
