"""Many waiting messages for a benchmark: copies of one that Celery has sent."""

import json
import uuid
from typing import Any

import redis
from celery import Celery

BATCH = 10_000


def fill(client: redis.Redis, url: str, queue: str, count: int) -> list[str]:
    """Put `count` messages into a queue that no worker takes from; their ids, oldest first."""
    with Celery(broker=url, set_as_current=False) as app:
        sent = app.send_task("tasks.basic_tasks.add", (4, 5), queue=queue)
    raw: Any = client.lindex(queue, 0)
    tag = json.loads(raw)["properties"]["delivery_tag"]
    ids = [sent.id, *(str(uuid.uuid4()) for _ in range(count - 1))]
    for start in range(1, count, BATCH):
        some = ids[start : start + BATCH]
        client.lpush(queue, *(raw.replace(sent.id, one).replace(tag, one[::-1]) for one in some))
    return ids
