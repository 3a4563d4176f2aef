"""`./lab move FROM TO`: bring messages from a queue that no worker takes from into another one.

A misspelled name makes a queue of its own.  A worker for it would only hide the mistake, so the
messages go where they were meant to go.
"""

import json
from shlex import quote
from typing import Any

import click
import redis

from lab_home import REDIS_URL
from labkit.broker.check import broker_error, check_redis, client_for
from labkit.broker.layout import layout_of
from labkit.broker.messages import decode_message
from labkit.broker.queues import lengths
from labkit.broker.workers import ask_workers
from labkit.doctor.code import load_app
from labkit.doctor.queue_findings import closest
from labkit.errors import LabError
from labkit.words import several


def move(source: str, target: str) -> None:
    """Move every message of a queue, the oldest first, behind those of another one.

    Raises LabError where a worker takes from the first one, and where neither the lab nor a worker
    that answers knows the second one.
    """
    check_redis(REDIS_URL)
    app, client = load_app(), client_for(REDIS_URL)
    try:
        workers = ask_workers(app, client)
        known = workers.consumed() | {queue.name for queue in app.conf.task_queues or ()}
        if source in workers.consumed():
            raise LabError(f"a worker takes from the queue {source!r}", "./lab monitor --once")
        if target not in known or target == source:
            right = closest(target, known - {source}) or app.conf.task_default_queue
            raise LabError(
                f"no worker takes from the queue {target!r}, and celery_app.py does not name it",
                f"./lab move {quote(source)} {quote(right)}",
            )
        queues = app.amqp.queues
        where = queues[target] if target in queues else queues.new_missing(target)
        info = {"exchange": where.exchange.name, "routing_key": where.routing_key}
        layout, moved, left = layout_of(app), 0, 0
        for priority, count in lengths(client, [source], layout)[source].items():
            old, new = (layout.list_name(queue, priority) for queue in (source, target))
            done = _move_list(client, old, new, count, info)
            moved, left = moved + done, left + count - done
    except redis.RedisError as error:
        raise broker_error(error, REDIS_URL, client) from None
    finally:
        client.close()
    click.echo(f"moved {several(moved, 'message')} from {source!r} to {target!r}")
    if left:
        click.echo(f"{several(left, 'message')} cannot be read, or went elsewhere meanwhile")


def _move_list(client: redis.Redis, old: str, new: str, count: int, info: dict[str, str]) -> int:
    """Move up to `count` messages, each in one step that happens or does not; return how many.

    A message says to which exchange it was sent, and a retry goes there: `info` says it anew.
    """
    moved = unread = 0
    while moved + unread < count:
        with client.pipeline() as pipeline:
            pipeline.watch(old)
            raw: Any = pipeline.lindex(old, -1 - unread)
            text = readdressed(raw, info) if raw else ""
            if not text:
                unread += 1
                continue
            pipeline.multi()
            pipeline.lrem(old, -1, raw)
            pipeline.lpush(new, text)
            try:
                pipeline.execute()
            except redis.WatchError:  # somebody put one in, or took one: look again
                continue
        moved += 1
    return moved


def readdressed(raw: str, info: dict[str, str]) -> str:
    """The message with another address; "" if it is none that Celery could have sent."""
    try:
        decode_message(raw)
        message = json.loads(raw)
        message["properties"]["delivery_info"] = info
    except (ValueError, KeyError, TypeError):
        return ""
    return json.dumps(message)
