"""`./lab monitor`: look once, or keep looking, and draw it."""

import contextlib
import json
import time
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from lab_home import REDIS_URL, running_broker
from labkit.broker.check import (
    TakesNoMessage,
    broker_error,
    check_redis,
    client_for,
    refused_message,
)
from labkit.doctor.code import load_app
from labkit.errors import LabError
from labkit.monitor.event_feed import KEPT_TASKS, EventFeed
from labkit.monitor.snapshot import Snapshot, take_snapshot
from labkit.monitor.view import height_without_tasks, merged, running_tasks, tables
from labkit.words import clock, several

INTERVAL_S = 1.0  # between two looks of the live view
FEWEST_TASKS = 3  # shown even in a terminal that is too low for them


def show(*, once: bool = False, as_json: bool = False) -> None:
    """Print the tables or the JSON object once, or show the live view until Ctrl-C."""
    console = Console(highlight=False)
    if not (as_json or once) and console.is_terminal:
        with contextlib.suppress(KeyboardInterrupt):
            _show_live(console)
        return
    snapshot, refused = look()
    if as_json:
        print(json.dumps(snapshot.as_json(), indent=2))
    else:
        tasks = running_tasks(snapshot)
        console.print(tables(snapshot, tasks, "what runs now", console.width))
    if refused:
        raise refused


def look() -> tuple[Snapshot, TakesNoMessage | None]:
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
