"""What the result backend's Redis holds for a task, past Celery and its caches."""

import redis

from labkit.broker.results import RESULT_PREFIX, StoredResult, decode_result, stored_text


def stored_result(client: redis.Redis, task_id: str) -> StoredResult | None:
    """The stored state of a task; None if nothing is stored (Celery calls that PENDING)."""
    text, ttl = stored_text(client, RESULT_PREFIX + task_id)
    return decode_result(text, ttl) if text else None


def stored_status(client: redis.Redis, task_id: str) -> str:
    """The stored state of a task; "" if nothing is stored."""
    stored = stored_result(client, task_id)
    return stored.status if stored else ""
