"""What the result backend holds: the state and the result of one task.

celery-task-meta-ID    text: JSON with status, result, traceback, date_done
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from labkit.errors import LabError
from labkit.queues import moment

RESULT_PREFIX = "celery-task-meta-"


@dataclass(frozen=True)
class StoredResult:
    """What the result backend holds for one task; `result` is a dict after an error."""

    status: str
    result: Any
    traceback: str | None
    done_at: datetime | None
    expires_in_s: int | None

    @property
    def error(self) -> str:
        """What the task raised, as "ZeroDivisionError: division by zero"; "" if nothing."""
        if not isinstance(self.result, dict) or "exc_type" not in self.result:
            return ""
        said = self.result.get("exc_message")
        text = ", ".join(map(str, said)) if isinstance(said, list | tuple) else str(said or "")
        return f"{self.result['exc_type']}: {text}".removesuffix(": ")


def stored_result(client: redis.Redis, task_id: str) -> StoredResult | None:
    """The stored state of a task; None if nothing is stored (Celery calls that PENDING).

    Raises LabError if it is not JSON.
    """
    key = RESULT_PREFIX + task_id
    try:
        pipeline = client.pipeline(transaction=False)
        pipeline.get(key)
        pipeline.ttl(key)
        text, ttl = pipeline.execute()
        return decode_result(text, ttl if ttl >= 0 else None) if text else None
    except (ValueError, KeyError, TypeError):
        raise LabError(
            f"what is stored for task {task_id} is no result in JSON",
            "read it with the settings of the worker that stored it",
        ) from None


def decode_result(text: str, expires_in_s: int | None = None) -> StoredResult:
    """Decode a stored result."""
    content = json.loads(text)
    done = content.get("date_done")
    return StoredResult(
        content["status"],
        content["result"],
        content.get("traceback"),
        moment(done),
        expires_in_s,
    )


def follow_result(client: redis.Redis, task_id: str) -> Iterator[StoredResult | None]:
    """Give each state as it is stored; None about every 0.2 s in which nothing was.

    The backend publishes every state that it stores, on a channel named like the key.
    """
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe(RESULT_PREFIX + task_id)
        yield stored_result(client, task_id)  # what was stored before we listened
        while True:
            news = channel.get_message(timeout=0.2)
            yield decode_result(news["data"]) if news else None
