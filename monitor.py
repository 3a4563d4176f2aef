"""Watch the lab: queues, workers and tasks.

    python monitor.py           a live view; Ctrl-C ends it
    python monitor.py --once    the tables, once
    python monitor.py --json    one JSON object, for machines

From Python:

    from monitor import get_queue_lengths, get_worker_stats, monitor_task
    monitor_task(add.delay(4, 5).id)

Everything here first asks with a plain Redis client whose database that is, and raises LabError
(one sentence and a hint) if there is no broker, or somebody else's.
"""

import contextlib
import json
import sys
import time
from shlex import quote
from typing import Any

import redis
from celery import Celery
from celery.result import AsyncResult
from celery.states import PENDING, READY_STATES
from kombu.exceptions import OperationalError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lab_home import REDIS_URL, running_broker
from labkit.doctor.examine import TOTAL_S, diagnose
from labkit.doctor.findings import clock, printable, report, several, shortened
from labkit.doctor.load_app import load_app
from labkit.doctor.task_ids import checked_task_id
from labkit.errors import LabError
from labkit.event_feed import KEPT_TASKS, EventFeed
from labkit.monitor_view import height_without_tasks, merged, running_tasks, tables
from labkit.redis_check import (
    TakesNoMessage,
    broker_error,
    check_redis,
    client_for,
    refused_message,
)
from labkit.result_reader import ResultStore
from labkit.results import StoredResult
from labkit.snapshot import Snapshot, take_snapshot

INTERVAL_S = 1.0  # between two looks of the live view
PENDING_PATIENCE_S = 5.0  # then monitor_task asks the doctor why nothing happens
FEWEST_TASKS = 3  # shown even in a terminal that is too low for them


def get_queue_lengths() -> dict[str, int]:
    """How many messages wait in each queue: {"basic": 12, "advanced": 0, "realworld": 0}."""
    return {name: sum(lists.values()) for name, lists in _look()[0].queues.items()}


def get_worker_stats() -> dict[str, dict[str, Any]]:
    """What each worker does.

    Returns {"lab1@host": {"pid": 71, "pool": "prefork", "slots": 4, "queues": ["basic"],
    "active": 1, "reserved": 0, "done": 12}}; a worker that does not answer in 1 s is missing.
    """
    snapshot, refused = _look()
    if refused:
        raise refused
    return {one.name: one.summary() for one in snapshot.workers.answered}


def monitor_task(task_id: str | AsyncResult, timeout_s: float = 60) -> str:
    """Print the states of a task as they come, until it has ended or timeout_s is over.

    task_id: the id, or what .delay() returned.
    Returns the last state.  After 5 s without any state it prints what the doctor finds.
    """
    task_id = checked_task_id(task_id if isinstance(task_id, str) else str(task_id.id))
    check_redis(REDIS_URL)
    client = client_for(REDIS_URL)
    store = ResultStore(load_app(), client)
    news = store.follow(task_id)
    start, asked = time.monotonic(), False
    try:
        _print_state(start, last := next(news))
        while not last or last.status not in READY_STATES:
            result = next(news)
            waited_s = time.monotonic() - start
            if result and result != last:
                _print_state(start, last := result)
            if not last and not asked and waited_s > PENDING_PATIENCE_S:
                asked = True
                report(diagnose(task_id, time.monotonic() + TOTAL_S))
            if waited_s > timeout_s:
                print(
                    f"not ended after {timeout_s:.0f} s; ask again: ./lab doctor {quote(task_id)}"
                )
                break
    except redis.RedisError as error:
        raise LabError(f"the result backend stopped answering: {error}", "./lab doctor") from None
    finally:
        store.close()
        client.close()
    return last.status if last else PENDING


def _print_state(start: float, result: StoredResult | None) -> None:
    status: str = PENDING
    what = ""
    if result:
        status, what = result.status, result.error or shortened(result.result)
        if status == "STARTED" and result.worker:
            what = f"in {result.worker}, process {result.pid}"
    line = f"{time.monotonic() - start:6.1f} s  {status:8}  {what}"
    print(printable(line).rstrip(), flush=True)


def show(*, once: bool = False, as_json: bool = False) -> None:
    """Print the tables or the JSON object once, or show the live view until Ctrl-C."""
    console = Console(highlight=False)
    if not (as_json or once) and console.is_terminal:
        with contextlib.suppress(KeyboardInterrupt):
            _show_live(console)
        return
    snapshot, refused = _look()
    if as_json:
        print(json.dumps(snapshot.as_json(), indent=2))
    else:
        tasks = running_tasks(snapshot)
        console.print(tables(snapshot, tasks, "what runs now", console.width))
    if refused:
        raise refused


def _look() -> tuple[Snapshot, TakesNoMessage | None]:
    """What is there, and why the broker takes no message, if so: then no worker was asked."""
    refused = refused_message(REDIS_URL)
    client = client_for(REDIS_URL)
    try:
        return take_snapshot(load_app(), client), refused
    except (redis.RedisError, OperationalError) as error:
        raise broker_error(error, REDIS_URL, client) from None
    finally:
        client.close()


def _show_live(console: Console) -> None:
    check_redis(REDIS_URL)
    app, client = load_app(), client_for(REDIS_URL)
    feed = EventFeed(app)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                try:
                    if feed.ended:
                        check_redis(REDIS_URL)
                        feed = EventFeed(app)
                    live.update(_view(console, app, client, feed), refresh=True)
                except (LabError, redis.RedisError, OperationalError) as error:
                    live.update(Text(f"{clock(time.time())}  {error}{_moved()}"), refresh=True)
                time.sleep(INTERVAL_S)
    finally:
        feed.stop()


def _moved() -> str:
    """A line for somebody whose lab was stopped and started: its broker has a new address."""
    broker = running_broker()
    if not broker or broker["url"] == REDIS_URL:
        return ""
    return "\n\nThe lab has another broker now: end this with Ctrl-C, and start it again."


def _view(console: Console, app: Celery, client: redis.Redis, feed: EventFeed) -> Any:
    snapshot = take_snapshot(app, client)
    for worker in snapshot.workers.answered:
        feed.learn_names([*worker.active, *worker.reserved])
    if feed.unread:
        sentence = f"{several(feed.unread, 'message')} among the events could not be read"
        snapshot.unread.append(sentence)
    room = max(FEWEST_TASKS, console.height - height_without_tasks(snapshot, console.width))
    tasks = merged(running_tasks(snapshot), feed.latest(KEPT_TASKS))[:room]
    return tables(snapshot, tasks, f"since {clock(feed.since)}", console.width)


if __name__ == "__main__":
    from labkit.cli import main

    main(["monitor", *sys.argv[1:]])
