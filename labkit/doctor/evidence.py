"""Gather what can be known about one task: from Redis, from the workers, from their logs."""

import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import redis
from celery import Celery
from celery.states import READY_STATES

from lab_home import LAB_HOME
from labkit.doctor.worker_logs import LogTrace, task_in_logs
from labkit.queue_search import LIMIT_S, Search, find_queued
from labkit.queues import Unacked, find_unacked, queues_with_messages
from labkit.results import StoredResult, stored_result
from labkit.state import read_state
from labkit.worker_view import Workers, WorkerView, ask_workers

T = TypeVar("T")
Registered = dict[str, dict[str, dict[str, str]]]  # {worker: {task: {"ignore_result": "True"}}}
Answers = tuple[Workers, Registered]
NO_ANSWERS: Answers = (Workers([], 1), {})  # "one is silent" is all that is known then
FLOWER_TIMEOUT_S = 0.3


@dataclass(frozen=True)
class Holding:
    """A worker that has the task now.  state: active, reserved, or scheduled (waits for ETA)."""

    worker: WorkerView
    state: str
    request: dict[str, Any]  # id, name, args, kwargs, time_start, acknowledged, worker_pid, ...


@dataclass(frozen=True)
class Evidence:
    """All that was seen.  None or empty: looked for, and not there."""

    task_id: str
    result: StoredResult | None = None
    unacked: Unacked | None = None
    unread: int = 0  # unacknowledged messages that there was no time to look at
    search: Search | None = None  # None: there was no reason to search the queues
    workers: Workers = field(default_factory=lambda: Workers([], 0))
    holdings: list[Holding] = field(default_factory=list)
    holder_unknown: bool = False  # some worker that may have it did not list what it has
    registered: Registered = field(default_factory=dict)
    log: LogTrace | None = None
    flower_page: str = ""  # its page in the lab's Flower, if Flower has seen it
    result_expires_s: float = 0  # 0: never
    visibility_timeout_s: float = 3600


class Later(Generic[T]):
    """A call that runs in a thread; until(deadline, ...) gives what it returned."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._error: Exception | None = None
        # A daemon, so that a worker that answers late does not keep the command from ending.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except Exception as error:  # noqa: BLE001 - it is raised again by result()
            self._error = error

    def until(self, deadline: float, otherwise: T) -> T:
        """Wait for the value until `deadline` (time.monotonic()), then give `otherwise`.

        Raises what the call raised.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            return otherwise
        if self._error:
            raise self._error
        return self._value


def gather(
    app: Celery, client: redis.Redis, task_id: str, *, deadline: float, search_s: float = LIMIT_S
) -> Evidence:
    """Look at every place where the task may be; be done by `deadline` (time.monotonic()).

    While a task is looked for it moves on: queue, worker, result.  So the result is read first
    and last, and what is found nowhere is looked for in the workers once more.
    """
    answers = Later(lambda: _ask(app, client))
    result, held = stored_result(client, task_id), find_unacked(client, task_id)
    search = None
    if not held.found and (result is None or result.status == "RETRY"):
        queues = queues_with_messages(client) | {queue.name for queue in app.conf.task_queues or ()}
        room_s = deadline - time.monotonic() - 0.2
        search = find_queued(client, task_id, queues, max(0.1, min(search_s, room_s)))
    workers, registered = answers.until(deadline, NO_ANSWERS)
    holdings, unsure = _holdings(workers, task_id), False
    result = stored_result(client, task_id) or result
    ended = result is not None and result.status in READY_STATES
    if not (ended or holdings or (search and search.message)):
        held = held if held.found else find_unacked(client, task_id)
        if held.found and held.found.message.eta:
            lists = Later(lambda: _scheduled(app, workers, task_id))
            holdings, unsure = lists.until(deadline, ([], True))
        elif not workers.silent:  # or the second look would wait for the silent one again
            workers, registered = Later(lambda: _ask(app, client)).until(deadline, NO_ANSWERS)
            holdings = _holdings(workers, task_id)
            held = held if holdings else find_unacked(client, task_id)
            result = stored_result(client, task_id) or result
    unknown = not (result or holdings or held.found or (search and search.message))
    return Evidence(
        task_id,
        result,
        held.found,
        unread=0 if held.found else held.total - held.looked_at,
        search=search,
        workers=workers,
        holdings=holdings,
        holder_unknown=unsure,
        registered=registered,
        log=task_in_logs(LAB_HOME, task_id) if unknown else None,
        flower_page=_flower_page(task_id) if unknown else "",
        result_expires_s=_result_expires_s(app, workers) if unknown else 0,
        visibility_timeout_s=app.conf.broker_transport_options.get("visibility_timeout", 3600),
    )


def _ask(app: Celery, client: redis.Redis) -> Answers:
    """Ask the workers what they do, and which tasks they know."""
    workers = ask_workers(app, client)
    if not workers.answered:
        return workers, {}
    answers = workers.inspect(app).registered("ignore_result", "rate_limit") or {}
    return workers, {name: dict(map(_attributes, tasks)) for name, tasks in answers.items()}


def _holdings(workers: Workers, task_id: str) -> list[Holding]:
    """The workers that run the task or have reserved it."""
    return [
        Holding(worker, state, request)
        for worker in workers.answered
        for state, requests in (("active", worker.active), ("reserved", worker.reserved))
        for request in requests
        if request["id"] == task_id
    ]


def _scheduled(app: Celery, workers: Workers, task_id: str) -> tuple[list[Holding], bool]:
    """(the workers in which the task waits for its ETA, True if one of them did not answer)."""
    if not workers.answered:
        return [], False
    by_name = {worker.name: worker for worker in workers.answered}
    found = workers.inspect(app).query_task(task_id) or {}
    holdings = [
        Holding(by_name[name], state, request)
        for name, tasks in found.items()
        for state, request in tasks.values()
    ]
    if holdings:
        return holdings, False
    # query_task does not see a task after its first retry; the whole list does, and may be long.
    listed = workers.inspect(app).scheduled() or {}
    holdings = [
        Holding(by_name[name], "scheduled", entry["request"])
        for name, entries in listed.items()
        for entry in entries
        if entry["request"]["id"] == task_id
    ]
    return holdings, len(listed) < len(by_name)


def _attributes(text: str) -> tuple[str, dict[str, str]]:
    """A line of `celery inspect registered`, decoded.

    >>> _attributes("tasks.basic_tasks.add [rate_limit=1/s ignore_result=False]")
    ('tasks.basic_tasks.add', {'rate_limit': '1/s', 'ignore_result': 'False'})
    """
    name, _, attributes = text.partition(" [")
    pairs = (pair.partition("=") for pair in attributes.rstrip("]").split())
    return name, {key: value for key, _, value in pairs}


def _result_expires_s(app: Celery, workers: Workers) -> float:
    """How long the workers keep results: the shortest time that one of them names."""
    settings = workers.inspect(app).conf() or {} if workers.answered else {}
    times = [conf.get("result_expires") for conf in settings.values()]
    return min((one for one in times if one), default=app.conf.result_expires or 0)


def _flower_page(task_id: str) -> str:
    """The address of the task's page in the running lab's Flower; "" if it does not know it."""
    address = (read_state(LAB_HOME) or {}).get("flower")
    if not address:
        return ""
    page = f"{address}/task/{quote(task_id)}"
    try:
        with urllib.request.urlopen(page, timeout=FLOWER_TIMEOUT_S):  # noqa: S310 - our own address
            return page
    except OSError:  # 404, or no answer
        return ""
