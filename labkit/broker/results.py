"""What a result backend holds for one task, or for a group: state, result, family, counts.

celery-task-meta-ID    text: JSON with status, result, traceback, date_done, children, group_id

This is the half that knows Redis; labkit.broker.result_reader looks where the app's settings say.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis

from labkit.broker.layout import is_wrong_type, scanned
from labkit.broker.messages import moment
from labkit.errors import LabError
from labkit.words import celery_line

MANY_CHILDREN = 100  # ids that are kept
MANY_CHORDS = 100  # that are counted


@dataclass(frozen=True)
class StoredResult:
    """What the result backend holds for one task; `result` is a dict after an error.

    children: the ids of the tasks that it sent.  worker: the node that runs or ran it, where that
    is stored (while it runs, or with result_extended); "" elsewhere.
    """

    status: str
    result: Any
    traceback: str | None
    done_at: datetime | None
    expires_in_s: int | None
    group_id: str = ""
    children: tuple[str, ...] = field(default=())
    worker: str = ""
    pid: int | None = None  # of the process, while it runs

    @property
    def error(self) -> str:
        """What the task raised, as "ZeroDivisionError: division by zero"; "" if nothing."""
        if not isinstance(self.result, dict) or "exc_type" not in self.result:
            return ""
        said = self.result.get("exc_message")
        text = ", ".join(map(str, said)) if isinstance(said, list | tuple) else str(said or "")
        return f"{self.result['exc_type']}: {text}".removesuffix(": ")


def stored_text(client: redis.Redis, key: str) -> tuple[Any, int | None]:
    """(what a key holds or None, the seconds until it expires or None); ValueError if no text."""
    pipeline = client.pipeline(transaction=False)
    pipeline.get(key)
    pipeline.ttl(key)
    answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise ValueError("no text") if is_wrong_type(answer) else answer
    text, ttl = answers
    return text, ttl if ttl >= 0 else None


def no_result(task_id: str) -> tuple[str, str]:
    """The sentence and the hint for something stored that cannot be read."""
    return (
        f"what is stored for task {task_id} is no result in JSON; the settings of the worker that "
        "stored it say what it is",
        celery_line("inspect conf"),
    )


def result_of(content: Any, expires_in_s: int | None = None) -> StoredResult:
    """The StoredResult in what Celery stores; ValueError if it is none."""
    if not isinstance(content, dict) or not isinstance(content.get("status"), str):
        raise ValueError("it has no status")
    result, done = content.get("result"), content.get("date_done")
    info = result if isinstance(result, dict) and content["status"] == "STARTED" else {}
    pid = info.get("pid")
    return StoredResult(
        content["status"],
        result,
        content["traceback"] if isinstance(content.get("traceback"), str) else None,
        _when(done),
        expires_in_s,
        group_id=_text(content.get("group_id")),
        children=tuple(_ids(content.get("children"))),
        worker=_text(info.get("hostname") or content.get("worker")),
        pid=pid if isinstance(pid, int) else None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _when(value: Any) -> datetime | None:
    """A time, from text or from a database's own; None for none, and for what is no time."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return moment(value)
    except ValueError:
        return None


def _ids(children: Any) -> list[str]:
    """The ids in a stored list of children: [[[id, parent], [[id, parent], ...]], ...].

    >>> _ids([[["a", None], None], [["g", None], [[["b", None], None]]]])
    ['a', 'g', 'b']
    """
    found: list[str] = []
    waiting = list(reversed(children)) if isinstance(children, list) else []
    while waiting and len(found) < MANY_CHILDREN:
        one = waiting.pop()
        if not (isinstance(one, list | tuple) and len(one) == 2):
            continue
        name, inside = one
        if isinstance(name, list | tuple) and name and isinstance(name[0], str):
            found.append(name[0])
        if isinstance(inside, list | tuple):
            waiting += reversed(inside)
    return found


def follow_result(
    client: redis.Redis, task_id: str, prefix: str, decode: Callable[..., StoredResult]
) -> Iterator[StoredResult | None]:
    """Give each state as it is stored; None about every 0.2 s in which nothing was.

    The backend publishes every state that it stores, on a channel named like the key.
    Raises LabError for what is no result in JSON.
    """
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(prefix + task_id)
        try:
            text, ttl = stored_text(client, prefix + task_id)  # before we listened
            yield decode(text, ttl) if text else None
            while True:
                news = channel.get_message(timeout=0.2)
                yield decode(news["data"]) if news else None
        except ValueError:
            raise LabError(*no_result(task_id)) from None


def unfinished_chords(client: redis.Redis, prefix: str) -> int:
    """How many chords have begun and not ended: as long as one has, its size is stored.

    While the tasks of its header run, the id of what follows stands nowhere in Redis: only in
    their workers.  It looks for SCAN_S seconds, and counts MANY_CHORDS at most.
    """
    found: set[str] = set()
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", prefix) + "*.s"
    for keys in scanned(client, match=pattern, _type="string"):
        found.update(keys)
        if len(found) >= MANY_CHORDS:
            break
    return min(len(found), MANY_CHORDS)


@dataclass(frozen=True)
class Group:
    """A group that Redis knows: how many tasks it has, and how many of them have ended.

    ended: None if only its members are stored (GroupResult.save), which say it themselves.
    """

    size: int
    ended: int | None


def stored_group(client: redis.Redis, key: str) -> Group | None:
    """What the result backend's Redis holds of a group; None if it does not know it.

    key: of the group, celery-taskset-meta-ID.  Source: apply_chord and on_chord_part_return in
    celery/backends/redis.py (.s: the size, .t: members added later, .j: results so far).
    """
    pipeline = client.pipeline(transaction=False)
    pipeline.mget(f"{key}.s", f"{key}.t")
    pipeline.zcard(f"{key}.j")
    pipeline.get(key)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    counts, ended, saved = (None if isinstance(one, Exception) else one for one in answers)
    size, more = counts or (None, None)
    try:
        if size is not None:
            return Group(int(size) + int(more or 0), ended)
        return Group(len(json.loads(saved)["result"][1]), None) if saved else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None
