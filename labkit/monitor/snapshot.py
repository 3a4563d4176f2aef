"""One look at the lab: how many messages wait where, and what the workers do.

Its cost does not depend on how many messages wait: Redis knows the length of a list.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import redis
from celery import Celery

from lab_home import REDIS_URL, masked
from labkit.broker.layout import KOMBU, layout_of
from labkit.broker.queues import UNKNOWN, lengths, lists, unacked_by_queue, unacked_count
from labkit.broker.unread import all_unread
from labkit.broker.workers import Workers, ask_workers
from labkit.words import several


@dataclass(frozen=True)
class Snapshot:
    """What was seen at one moment.

    queues: {queue: {priority: waiting messages}}.
    unacked_by_queue: None when there are too many to look at each.
    unread: sentences about what could not be read; the rest is shown all the same.
    """

    at: float  # seconds since 1970
    broker: str
    queues: dict[str, dict[int, int]]
    unacked: int
    unacked_by_queue: dict[str, int] | None
    workers: Workers
    unread: list[str] = field(default_factory=list)

    @property
    def priorities(self) -> list[int]:
        """The priorities that have a list of their own in each queue."""
        return list(next(iter(self.queues.values()), KOMBU.priorities))

    def as_json(self) -> dict[str, Any]:
        """The snapshot for machines; priorities become text, as in all JSON."""
        by_queue = self.unacked_by_queue
        return {
            "time": self.at,
            "broker": self.broker,
            "queues": {
                name: {
                    "queued": sum(lists.values()),
                    "unacked": None if by_queue is None else by_queue.get(name, 0),
                    "by_priority": {str(priority): count for priority, count in lists.items()},
                    "workers": [one.name for one in self.takers(name)],
                }
                for name, lists in self.queues.items()
            },
            "unacked": self.unacked,
            "workers": {one.name: one.summary() for one in self.workers.answered},
            "silent_workers": self.workers.silent,
            "running": [
                {
                    "id": task.get("id"),
                    "name": task.get("name"),
                    "worker": worker.name,
                    "since": task.get("time_start"),
                }
                for worker in self.workers.answered
                for task in worker.active
            ],
            "unread": self.unread,
        }

    def takers(self, queue: str) -> list:
        """The workers that take from a queue."""
        return [one for one in self.workers.answered if queue in one.queues]


def take_snapshot(app: Celery, client: redis.Redis) -> Snapshot:
    """Look once: a few questions to Redis, and one round of questions to the workers."""
    layout = layout_of(app)
    workers, unread = _workers(app, client)
    by_queue = unacked_by_queue(client, layout=layout)
    configured = [queue.name for queue in app.conf.task_queues or ()]
    found = lists(client, layout)
    others = {name for name in found if UNKNOWN not in name} | workers.consumed()
    names = configured + sorted((others | set(by_queue or ())) - {*configured, ""})
    queues = lengths(client, names, layout)
    if strange := sum(UNKNOWN in name for name in found):
        unread.append(f"the name of {several(strange, 'queue')} is no UTF-8: not counted here")
    unread += all_unread(app, client, queues, by_queue, layout).sentences()
    return Snapshot(
        at=time.time(),
        broker=masked(REDIS_URL),
        queues=queues,
        unacked=unacked_count(client, layout),
        unacked_by_queue=by_queue,
        workers=workers,
        unread=unread,
    )


def _workers(app: Celery, client: redis.Redis) -> tuple[Workers, list[str]]:
    """What the workers answer; anybody can call itself a worker, and answer anything."""
    try:
        return ask_workers(app, client), []
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Workers([], 0), [f"the answers of the workers cannot be read: {error!r:.100}"]
