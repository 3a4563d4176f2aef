"""One look at the lab: how many messages wait where, and what the workers do.

Its cost does not depend on how many messages wait: Redis knows the length of a list.
"""

import time
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery

from lab_home import REDIS_URL, masked
from labkit.queues import lengths, queues_with_messages, unacked_by_queue, unacked_count
from labkit.worker_view import Workers, ask_workers


@dataclass(frozen=True)
class Snapshot:
    """What was seen at one moment.

    queues: {queue: {priority: waiting messages}}.
    unacked_by_queue: None when there are too many to look at each.
    """

    at: float  # seconds since 1970
    broker: str
    queues: dict[str, dict[int, int]]
    unacked: int
    unacked_by_queue: dict[str, int] | None
    workers: Workers

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
                    "id": task["id"],
                    "name": task["name"],
                    "worker": worker.name,
                    "since": task["time_start"],
                }
                for worker in self.workers.answered
                for task in worker.active
            ],
        }

    def takers(self, queue: str) -> list:
        """The workers that take from a queue."""
        return [one for one in self.workers.answered if queue in one.queues]


def take_snapshot(app: Celery, client: redis.Redis) -> Snapshot:
    """Look once: a few questions to Redis, and one round of questions to the workers."""
    workers = ask_workers(app, client)
    by_queue = unacked_by_queue(client)
    configured = [queue.name for queue in app.conf.task_queues or ()]
    others = queues_with_messages(client) | workers.consumed() | set(by_queue or ())
    names = configured + sorted(others - set(configured))
    return Snapshot(
        at=time.time(),
        broker=masked(REDIS_URL),
        queues=lengths(client, names),
        unacked=unacked_count(client),
        unacked_by_queue=by_queue,
        workers=workers,
    )
