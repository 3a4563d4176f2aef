"""When a run is over: no message is anywhere, and has not been for a while."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import redis

from labkit.broker.layout import KOMBU
from labkit.broker.messages import needle
from labkit.broker.queues import lengths, unacked_by_queue
from labkit.waiting import wait_until

QUIET_S = 2.0  # a message that is given back, or retried, is on its way for a moment
SETTLED_S = 0.5  # a worker takes what it takes in milliseconds
MANY = 1_000_000  # a lesson's own broker holds few messages, and each of them must be read


def wait_until_quiet(
    clients: Sequence[redis.Redis], queues: Sequence[str], timeout_s: float
) -> bool:
    """Wait until these queues and their unacked messages have been empty for QUIET_S seconds.

    clients: one for each Redis database that has queues of these names.
    False if that did not come in timeout_s seconds.  A task that runs with early acknowledgement
    has no message any more: wait for its END line, too.
    """
    return wait_until(
        still_for(QUIET_S, lambda: any(messages(client, queues) for client in clients)), timeout_s
    )


def wait_until_settled(client: redis.Redis, queues: Sequence[str], timeout_s: float) -> bool:
    """Wait until these queues have been as long as they are for SETTLED_S seconds.

    Then workers that are there have taken what they take.  False if that did not come in
    timeout_s seconds.
    """
    now = lengths(client, queues)

    def moves() -> bool:
        nonlocal now
        before, now = now, lengths(client, queues)
        return now != before

    return wait_until(still_for(SETTLED_S, moves), timeout_s)


def still_for(still_s: float, moves: Callable[[], bool]) -> Callable[[], bool]:
    """A condition: `moves` was false whenever it was asked, for still_s seconds."""
    since = time.monotonic()

    def still() -> bool:
        nonlocal since
        if moves():
            since = time.monotonic()
        return time.monotonic() - since >= still_s

    return still


def messages(client: redis.Redis, queues: Sequence[str]) -> int:
    """How many messages these queues hold, with those that workers took and did not acknowledge."""
    waiting = sum(sum(one.values()) for one in lengths(client, queues).values())
    taken = unacked_by_queue(client, MANY) or {}
    return waiting + sum(taken.get(queue, 0) for queue in queues)


def jobs_in_messages(
    client: redis.Redis, queues: Iterable[str], ids: Mapping[str, str]
) -> set[str]:
    """The jobs whose message is in these queues, or unacked.

    ids: {job: task id}.  A message on its way from one place to another is in none for some
    milliseconds: ask when the workers have ended, or nothing has moved for a while.
    """
    found: list[Any] = client.hvals(KOMBU.unacked)
    for queue in queues:
        for priority in KOMBU.priorities:
            found += client.lrange(KOMBU.list_name(queue, priority), 0, -1)
    return {
        job for job, task_id in ids.items() if any(needle(task_id) in message for message in found)
    }
