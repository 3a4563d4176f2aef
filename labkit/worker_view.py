"""Ask the workers what they do, over `celery inspect`, without waiting longer than needed.

`inspect` alone does not know how many workers there are, so it waits its whole timeout, once a
question.  Here Redis says first how many are connected; when all of them have answered, the wait
is over.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import redis
from celery import Celery

from labkit.queues import listeners

ANSWER_TIMEOUT_S = 1.0  # a worker that is up answers in milliseconds
BEAT_PREFIX = "celerybeat@"  # Beat answers a ping and nothing else


@dataclass(frozen=True)
class WorkerView:
    """One worker as it described itself.  Tasks are dicts: id, name, args, kwargs, time_start."""

    name: str
    pid: int
    pool: str  # prefork, threads, solo, gevent
    slots: int
    started: float  # seconds since 1970, on the clock of this machine
    done: int  # tasks ended since it started: those that it began, less those that still run
    queues: list[str]
    active: list[dict[str, Any]] = field(default_factory=list)
    reserved: list[dict[str, Any]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """The worker in numbers: {"pool": "prefork", "slots": 4, "active": 1, ...}."""
        return {
            "pid": self.pid,
            "pool": self.pool,
            "slots": self.slots,
            "queues": self.queues,
            "active": len(self.active),
            "reserved": len(self.reserved),
            "done": self.done,
        }


@dataclass(frozen=True)
class Workers:
    """The workers that answered, and how many are connected and did not."""

    answered: list[WorkerView]
    silent: int

    def consumed(self) -> set[str]:
        """Every queue that some answering worker takes from."""
        return {queue for worker in self.answered for queue in worker.queues}

    def inspect(self, app: Celery) -> Any:
        """`celery inspect` for those that answered; it returns when all of them have again."""
        return _inspect(app, [worker.name for worker in self.answered])


def ask_workers(app: Celery, client: redis.Redis) -> Workers:
    """Ask every connected worker; takes milliseconds, or ANSWER_TIMEOUT_S if one is silent."""
    connected = listeners(client)
    if not connected:
        return Workers([], 0)
    pongs = app.control.ping(timeout=ANSWER_TIMEOUT_S, limit=connected) or []
    nodes = {name for pong in pongs for name in pong}
    names = sorted(name for name in nodes if not name.startswith(BEAT_PREFIX))
    silent = max(0, connected - len(pongs))
    if not names:
        return Workers([], silent)
    ask = _inspect(app, names)
    stats = ask.stats() or {}
    if stats:
        ask = _inspect(app, sorted(stats))  # nobody waits again for one that has gone silent
    queues, active, reserved = ask.active_queues() or {}, ask.active() or {}, ask.reserved() or {}
    views = [
        _view(name, stats[name], queues.get(name), active.get(name), reserved.get(name))
        for name in names
        if name in stats
    ]
    return Workers(views, silent + len(names) - len(views))


def _inspect(app: Celery, names: list[str]) -> Any:
    return app.control.inspect(destination=names, timeout=ANSWER_TIMEOUT_S, limit=len(names))


def _view(
    name: str, stats: dict, queues: list | None, active: list | None, reserved: list | None
) -> WorkerView:
    pool = stats["pool"]
    # "celery.concurrency.prefork:TaskPool" -> "prefork"
    pool_name = pool.get("implementation", "?").partition(":")[0].rpartition(".")[2]
    return WorkerView(
        name=name,
        pid=stats["pid"],
        pool={"thread": "threads"}.get(pool_name, pool_name),  # as --pool has it
        slots=pool.get("max-concurrency", 1),
        started=time.time() - stats["uptime"],
        done=max(0, sum(stats["total"].values()) - len(active or ())),
        queues=[queue["name"] for queue in queues or ()],
        active=active or [],
        reserved=reserved or [],
    )
