"""Ask the workers what they do, over `celery inspect`, without waiting longer than needed.

`inspect` alone does not know how many workers there are, so it waits its whole timeout, once a
question.  Here Redis says first how many are connected; when all of them have answered, the wait
is over.

`inspect` also keeps one answer a name.  Here every answer counts: two workers may have one name.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import redis
from celery import Celery
from celery.app.control import Inspect
from kombu.exceptions import OperationalError

from labkit.broker.layout import layout_of
from labkit.broker.queues import listeners
from labkit.broker.refusals import refusal

ANSWER_TIMEOUT_S = 1.0  # a worker that is up answers in milliseconds
BEAT_PREFIX = "celerybeat@"  # Beat answers a ping and nothing else
# A task goes from reserved to active: asked in this order, none is missed on its way.
QUESTIONS = ("stats", "active_queues", "reserved", "active")


@dataclass(frozen=True)
class WorkerView:
    """One worker as it described itself.  Tasks are dicts: id, name, args, kwargs, time_start.

    Workers that share a name are one WorkerView, with what all of them have: an answer does not
    say whose it is.
    """

    name: str
    pid: int
    pool: str  # prefork, threads, solo, gevent
    slots: int
    started: float  # seconds since 1970, on the clock of this machine
    done: int  # tasks ended since it started: those that it began, less those that still run
    queues: list[str]
    active: list[dict[str, Any]] = field(default_factory=list)
    reserved: list[dict[str, Any]] = field(default_factory=list)
    other_pids: list[int] = field(default_factory=list)  # of further workers of this name
    processes: list[int] = field(default_factory=list)  # pids of the pool, where it has processes

    @property
    def pids(self) -> list[int]:
        """The process ids of all workers of this name."""
        return [self.pid, *self.other_pids]

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
    """The workers that answered, and how many are connected and did not.

    silent: workers and Beats that are connected, and did not answer in time.
    doubled: {name: how many workers answered to it}, for names that more than one has.
    beats: the names of the Beats that answered, one for each of them.
    not_asked: workers and Beats that are connected, while the broker takes no question to them.
    """

    answered: list[WorkerView]
    silent: int
    doubled: dict[str, int] = field(default_factory=dict)
    beats: list[str] = field(default_factory=list)
    not_asked: int = 0

    def consumed(self) -> set[str]:
        """Every queue that some answering worker takes from."""
        return {queue for worker in self.answered for queue in worker.queues}

    def there_for(self, queue: str, moment: float) -> list[WorkerView]:
        """Those that take from a queue, and were up at a moment (seconds since 1970)."""
        return [
            worker
            for worker in self.answered
            if queue in worker.queues and worker.started < moment + 1
        ]

    def inspect(self, app: Celery) -> Any:
        """`celery inspect` for those that answered; it returns when all of them have again.

        What workers of one name answer is put together.
        """
        names = [worker.name for worker in self.answered]
        count = sum(len(worker.pids) for worker in self.answered)
        return AllAnswers(names, timeout=ANSWER_TIMEOUT_S, limit=count, app=app)


class AllAnswers(Inspect):
    """`celery inspect` that keeps all answers where workers share a name."""

    def _prepare(self, reply: Any) -> dict[str, Any]:
        together: dict[str, Any] = {}
        for name, answers in by_name(reply).items():
            if all(isinstance(answer, list) for answer in answers):
                together[name] = [entry for answer in answers for entry in answer]
            else:
                together[name] = {key: value for answer in answers for key, value in answer.items()}
        return together


def ask_workers(app: Celery, client: redis.Redis) -> Workers:
    """Ask every connected worker; takes milliseconds, or ANSWER_TIMEOUT_S if one is silent."""
    connected = listeners(client, layout_of(app))
    try:
        return _ask_all(app, client, connected) if connected else Workers([], 0)
    except (redis.RedisError, OperationalError) as error:
        if refusal(error, dict) is None:
            raise
        return Workers([], 0, not_asked=connected)  # a question is a message


def _ask_all(app: Celery, client: redis.Redis, connected: int) -> Workers:
    pongs = by_name(app.control.ping(timeout=ANSWER_TIMEOUT_S, limit=connected))
    # Who has connected meanwhile may be among those that answered, in place of a silent one.
    connected = max(connected, listeners(client, layout_of(app)))
    number = Counter({name: len(answers) for name, answers in pongs.items()})
    workers = Counter({n: count for n, count in number.items() if not n.startswith(BEAT_PREFIX)})
    beats = number - workers
    told, answering = {}, workers
    for question in QUESTIONS:  # nobody waits again for one that has gone silent
        told[question] = _ask(app, question, answering)
        answering = Counter({name: len(answers) for name, answers in told[question].items()})
    return Workers(
        [_view(name, *(told[question][name] for question in QUESTIONS)) for name in answering],
        silent=max(0, connected - beats.total() - answering.total()),
        doubled={name: count for name, count in workers.items() if count > 1},
        beats=sorted(beats.elements()),
    )


def _ask(app: Celery, question: str, workers: Mapping[str, int]) -> dict[str, list[Any]]:
    """{name: answers} to one question of `celery inspect`; workers: {name: how many there are}."""
    if not workers:
        return {}
    return by_name(
        app.control.broadcast(
            question,
            destination=list(workers),
            reply=True,
            timeout=ANSWER_TIMEOUT_S,
            limit=sum(workers.values()),
        )
    )


def by_name(replies: list[dict[str, Any]] | None) -> dict[str, list[Any]]:
    """Put the answers to a question together by the name of the worker.

    >>> by_name([{"b@host": 1}, {"a@host": 2}, {"b@host": 3}])
    {'a@host': [2], 'b@host': [1, 3]}
    """
    found = defaultdict(list)
    for reply in replies or ():
        for name, answer in reply.items():
            found[name].append(answer)
    return {name: found[name] for name in sorted(found)}


def _view(name: str, stats: list, queues: list, reserved: list, active: list) -> WorkerView:
    """One name's worker; each list holds one answer for each worker that has the name."""
    pool = stats[0]["pool"]
    # "celery.concurrency.prefork:TaskPool" -> "prefork"
    pool_name = pool.get("implementation", "?").partition(":")[0].rpartition(".")[2]
    running = [task for tasks in active for task in tasks or ()]
    started = {task["id"] for task in running}
    begun = sum(sum(one["total"].values()) for one in stats)
    return WorkerView(
        name=name,
        pid=stats[0]["pid"],
        pool={"thread": "threads"}.get(pool_name, pool_name),  # as --pool has it
        slots=sum(one["pool"].get("max-concurrency", 1) for one in stats),
        started=time.time() - max(one["uptime"] for one in stats),
        done=max(0, begun - len(running)),
        queues=list(dict.fromkeys(queue["name"] for taken in queues for queue in taken or ())),
        active=running,
        reserved=[one for tasks in reserved for one in tasks or () if one["id"] not in started],
        other_pids=[one["pid"] for one in stats[1:]],
        processes=[pid for one in stats for pid in one["pool"].get("processes") or ()],
    )
