"""The broker as this process sees it: it answers at once, or it counts as away.

A caller of the API wants an answer, and "try again later" is one.  So nothing here waits for the
broker longer than TIMEOUT_S, and nothing is tried twice.  A worker is the opposite: it has time,
and keeps Celery's patience.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from kombu.exceptions import OperationalError

from celery_app import app as celery
from lab_home import MARK, REDIS_URL
from labkit.broker.check import NoAnswer, broker_error, check_client
from labkit.errors import LabError
from web.errors import Unavailable

TIMEOUT_S = 0.4  # a local broker answers in milliseconds; two of these fit into a second
FRESH_S = 0.2  # then it is asked again: a busy page does not double the broker's work
MAX_CONNECTIONS = 40  # one for each thread in which FastAPI runs the `def` handlers

# What Celery raises when the broker or the result backend is away: kombu's error when it sends,
# redis-py's when it reads, and a plain RuntimeError ("Retry limit exceeded ...") for the backend.
AWAY = (OperationalError, redis.RedisError, RuntimeError, OSError)

# A client beside Celery's, for what Celery has no call for.
client = redis.Redis.from_url(
    REDIS_URL,
    socket_timeout=TIMEOUT_S,
    socket_connect_timeout=TIMEOUT_S,
    retry=None,
    decode_responses=True,
    encoding_errors="replace",  # whose_database() looks at keys, and their names may be any bytes
)


def hurry() -> None:
    """Change Celery's settings for this process: short waits, no second tries.

    A request that is not served says so; a second try could also send an e-mail twice, because a
    broker that was slow to answer may have taken the message.
    """
    celery.conf.broker_transport_options |= {
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "max_retries": 0,  # to connect.  kombu: as often as fit into 4 s, with 2 s in between
    }
    celery.conf.redis_socket_timeout = TIMEOUT_S
    celery.conf.redis_socket_connect_timeout = TIMEOUT_S
    celery.conf.task_publish_retry = False
    celery.conf.result_backend_transport_options |= {"retry_policy": {"max_retries": 0}}
    celery.conf.result_backend_thread_safe = True  # one backend for all threads, not one for each
    celery.conf.broker_pool_limit = MAX_CONNECTIONS
    celery.conf.broker_pool_acquire_timeout = TIMEOUT_S


class Pulse:
    """Asks the broker for a sign of life before a request begins to use it.

    Requests that come while one question is open wait for its answer: however many there are, one
    thread waits for a frozen broker, and all others are free.
    """

    def __init__(self) -> None:
        self._question: asyncio.Task[None] | None = None
        self._fresh_until = 0.0

    async def __call__(self) -> None:
        """Raise Unavailable if the broker does not answer; an answer counts for FRESH_S."""
        if time.monotonic() > self._fresh_until:
            await self.ask_now()

    async def ask_now(self) -> None:
        """Raise Unavailable if the broker does not answer within about TIMEOUT_S."""
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(asyncio.to_thread(ask))
        self._fresh_until = 0.0
        await asyncio.shield(self._question)  # who gives up leaves the question to the others
        self._fresh_until = time.monotonic() + FRESH_S


require_broker = Pulse()


def ask() -> None:
    """Ask the broker whether it takes a message, as every command of the lab does.

    Raises Unavailable if it is away, takes none, or holds somebody else's data.
    """
    consequence = "and nothing was done"
    try:
        check_client(client, REDIS_URL)
    except LabError as error:
        raise _unavailable(error, consequence) from error
    with broker_errors(consequence):  # what send() notes in an empty database looks like nobody's
        client.set(MARK, "web", nx=True)


@contextmanager
def broker_errors(consequence: str) -> Iterator[None]:
    """Turn the errors of a broker that is away, or takes no message, into Unavailable.

    consequence: what that means for the request, such as "and nothing was sent".
    """
    try:
        yield
    except AWAY as error:
        raise _unavailable(broker_error(error, REDIS_URL, client), consequence) from error


def _unavailable(error: LabError, consequence: str) -> Unavailable:
    if isinstance(error, NoAnswer):
        return Unavailable(f"the broker does not answer, {consequence}")
    return Unavailable(f"{error.sentence}, {consequence}", error.hint)
