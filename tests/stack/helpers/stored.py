"""What the result backend's Redis holds for a task, past Celery and its caches."""

import json

import redis

from labkit.broker.results import StoredResult, result_of, stored_text

RESULT_PREFIX = "celery-task-meta-"


def decode_result(text: str, expires_in_s: int | None = None) -> StoredResult:
    """A stored result, where the serializer is JSON."""
    return result_of(json.loads(text), expires_in_s)


def stored_result(client: redis.Redis, task_id: str) -> StoredResult | None:
    """The stored state of a task; None if nothing is stored (Celery calls that PENDING)."""
    text, ttl = stored_text(client, RESULT_PREFIX + task_id)
    return decode_result(text, ttl) if text else None


def stored_status(client: redis.Redis, task_id: str) -> str:
    """The stored state of a task; "" if nothing is stored."""
    stored = stored_result(client, task_id)
    return stored.status if stored else ""
