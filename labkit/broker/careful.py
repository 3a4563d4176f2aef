"""A worker that sets a message aside on which it ended twice.  Plain Celery, ready to be copied.

    celery -A celery_app worker ... -- worker.consumer=labkit.broker.careful:CarefulConsumer
    app.conf.worker_consumer = "myproject.careful:CarefulConsumer"    # in your own project

Celery 5.7 throws away most of what it cannot read, and goes on.  A line that is no message at all
ends the worker, and is lost.  But some messages, such as add.apply_async((1, 2), eta=""), end the
worker and go back, and the next worker ends, too.  Here the second worker keeps the message whole
under another key, takes it out of its queue, and then ends as Celery does.  Whoever starts workers
again (systemd, ./lab up) finds the queue free of it.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

ENDED_ONE = "celery_learning:ended-a-worker"  # a hash: delivery tag -> on which worker, and when
SET_ASIDE = "celery_learning:set-aside"  # a hash: delivery tag -> the message, and what happened
SEE = "./lab aside"  # in a project of your own: redis-cli hgetall celery_learning:set-aside
NOT_ITS_FAULT = (OSError, OperationalError, RedisError, MemoryError)  # broker, or machine
REMEMBERED_S = 3600  # an older end counts no more

logger = get_logger(__name__)


def check_time_limits(message: Any) -> None:
    """Raise what the pool would raise later, amid its work: the soft limit is a number."""
    _hard, soft = (message.headers or {}).get("timelimit") or (None, None)
    float(soft or 0)


class CarefulConsumer(Consumer):
    """The part of a worker that takes messages, and looks at what ends it.  For Redis."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What is called with each message; an error that leaves it ends the worker."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_message(message: Any) -> None:
            try:
                check_time_limits(message)
                handle(message)
            except NOT_ITS_FAULT:
                raise
            except Exception as error:
                try:
                    self.remember(message, error)
                except NOT_ITS_FAULT as trouble:
                    logger.warning("could not note on which message this worker ends: %r", trouble)
                raise

        return on_message

    def remember(self, message: Any, error: Exception) -> None:
        """Note that this message ended a worker; keep it and take it away if it is not the first.

        What is kept is JSON: {"worker", "time", "why", "before", "taken"}; "before" tells of the
        first time, and "taken" is the text that Redis held: [message, exchange, routing key].
        """
        tag, channel = message.delivery_tag, message.channel
        now: dict[str, Any] = {"worker": self.hostname, "time": time.time(), "why": repr(error)}
        with channel.conn_or_acquire() as client:  # adds global_keyprefix, where there is one
            before = json.loads(client.hget(ENDED_ONE, tag) or "{}")
            if before.get("time", 0) < time.time() - REMEMBERED_S:
                client.hset(ENDED_ONE, tag, json.dumps(now))
                return
            taken = client.hget(channel.unacked_key, tag)
            kept = now | {"before": before, "taken": (taken or b"").decode()}
            client.hset(SET_ASIDE, tag, json.dumps(kept))
            message.ack()
            client.hdel(ENDED_ONE, tag)
        logger.error(
            "set aside, see `%s`: message %s, on which workers ended or reconnected twice: %r",
            SEE,
            message.properties.get("correlation_id") or tag,
            error,
        )
