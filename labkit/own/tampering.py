"""Change a message on its way, as somebody could who can write to the broker."""

import base64
import json
import uuid


def with_another_text(raw: str, old: str, new: str) -> tuple[str, str]:
    """A copy of a signed message in which `old` in its body has become `new`: (task id, message).

    Raises ValueError if `old` is not in the body.
    """
    message = json.loads(raw)
    # Redis carries text, so kombu packs the body in base64; inside it Celery does so once more.
    body = base64.b64decode(base64.b64decode(message["body"]))
    if old.encode() not in body:
        raise ValueError(f"the body does not hold {old!r}")
    changed = body.replace(old.encode(), new.encode())
    message["body"] = base64.b64encode(base64.b64encode(changed)).decode()
    return _renamed(message)


def with_another_task(raw: str, task: str) -> tuple[str, str]:
    """A copy of a message that names another task, its body untouched: (task id, message)."""
    message = json.loads(raw)
    message["headers"]["task"] = task
    return _renamed(message)


def _renamed(message: dict) -> tuple[str, str]:
    """Give it an id of its own, so that what becomes of it can be told apart."""
    task_id = str(uuid.uuid4())
    message["headers"]["id"] = message["headers"]["root_id"] = task_id
    message["properties"]["correlation_id"] = task_id
    message["properties"]["delivery_tag"] = str(uuid.uuid4())
    return task_id, json.dumps(message)
