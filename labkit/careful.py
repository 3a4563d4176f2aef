"""A worker that sets a message aside on which it ended twice.  Plain Celery, ready to be copied.

    celery -A celery_app worker ... -- worker.consumer=labkit.careful:CarefulConsumer
    app.conf.worker_consumer = "myproject.careful:CarefulConsumer"    # in your own project

Celery 5.7 throws away what it cannot read, and goes on.  But some messages, such as
add.apply_async((1, 2), eta=""), it takes for a fault of its own: the worker ends, and gives the
message back, on which the next worker ends.  Here the second worker keeps the message whole under
another key, takes it out of its queue, and then ends too, as Celery does.  Whoever starts workers
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
BROKER_TROUBLE = (OSError, OperationalError, RedisError)  # never the fault of a message

logger = get_logger(__name__)


class CarefulConsumer(Consumer):
    """The part of a worker that takes messages, and looks at what ends it.  For Redis."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What is called with each message; an error that leaves it ends the worker."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_message(message: Any) -> None:
            try:
                handle(message)
            except BROKER_TROUBLE:
                raise
            except Exception as error:
                try:
                    self.remember(message, error)
                except BROKER_TROUBLE as trouble:
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
            before = client.hget(ENDED_ONE, tag)
            if not before:
                client.hset(ENDED_ONE, tag, json.dumps(now))
                return
            taken = client.hget(channel.unacked_key, tag)
            kept = now | {"before": json.loads(before), "taken": (taken or b"").decode()}
            client.hset(SET_ASIDE, tag, json.dumps(kept))
            message.ack()
            client.hdel(ENDED_ONE, tag)
        logger.error(
            "set aside, because two workers ended on it: the message %s (%r); "
            "it is kept in the Redis hash %s, and ./lab aside shows it",
            message.properties.get("correlation_id") or tag,
            error,
            SET_ASIDE,
        )
