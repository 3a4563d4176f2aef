"""A program without Celery that takes one message which Celery has sent.  Lesson 41 runs it.

    LESSON_BROKER_URL=redis://... python reader_without_celery.py QUEUE

A message is JSON, and headers that say which task it is.  So any program can read it that speaks to
the broker: this one has redis-py for Redis, and py-amqp for RabbitMQ.  Other languages have theirs.
"""

import base64
import json
import os
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
import redis

NOTHING = "the queue holds no message"


def from_redis(url: str, queue: str) -> tuple[dict[str, Any], str]:
    """Take the oldest message of a list; its headers, and its body as text."""
    with redis.Redis.from_url(url) as client:
        taken: Any = client.rpop(queue)  # one step: nothing has to be acknowledged
    if taken is None:
        sys.exit(NOTHING)
    message = json.loads(taken)
    return message["headers"], base64.b64decode(message["body"]).decode()


def from_rabbitmq(url: str, queue: str) -> tuple[dict[str, Any], str]:
    """Take the oldest message of a queue, and acknowledge it."""
    where = urlsplit(url)
    with amqp.Connection(
        host=f"{where.hostname}:{where.port or 5672}",
        userid=unquote(where.username or "guest"),
        password=unquote(where.password or "guest"),
        virtual_host=unquote(where.path[1:]) or "/",
        ssl=where.scheme == "amqps",
    ) as connection:
        channel = connection.channel()
        message = channel.basic_get(queue)
        if message is None:
            sys.exit(NOTHING)
        channel.basic_ack(message.delivery_tag)
    return message.headers, message.body


url, queue = os.environ["LESSON_BROKER_URL"], sys.argv[1]
headers, body = (from_rabbitmq if url.startswith("amqp") else from_redis)(url, queue)
if found := {"celery", "kombu"} & set(sys.modules):
    sys.exit(f"this program was to work without {' and '.join(found)}")
arguments, _keywords, _embedded = json.loads(body)
print(headers["task"], json.dumps(arguments))
