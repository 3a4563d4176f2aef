"""RabbitMQ for a lesson: only the one that AMQP_URL names, and there only queues of its own.

A server that answers on the usual port is not taken for ours: it may hold somebody's work.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab_env import look_or_unset, where_set
from lab_home import AMQP_URL, LAB_HOME, masked
from labkit.errors import LabError

if TYPE_CHECKING:
    from kombu import Connection

CONNECT_TIMEOUT_S = 5
EXAMPLE = "AMQP_URL=amqp://guest:guest@127.0.0.1:5672//"


def left_out(lesson: str) -> str:
    """The sentence for a run without RabbitMQ: what was left out, and how to get it."""
    number = lesson.removeprefix("lesson")
    return (
        "RabbitMQ was left out, as AMQP_URL names none: docker compose --profile rabbitmq up -d, "
        f"then {EXAMPLE} ./lab run {number}"
    )


def mark_of_this_lab() -> str:
    """Eight characters that are the same in each run of this lab, and others in another lab."""
    return hashlib.sha256(str(LAB_HOME.resolve()).encode()).hexdigest()[:8]


class OwnAmqp:
    """A RabbitMQ server, and the names of the lesson's queues and exchanges there.

    A name holds a mark of this lab, so that two labs on one server do not meet:
    amqp.name("mail") is "lesson41-5b1f09c2-mail".
    """

    def __init__(self, url: str, lesson: str, names: tuple[str, ...]) -> None:
        self.url = url
        self._names = {name: f"{lesson}-{mark_of_this_lab()}-{name}" for name in names}

    def name(self, name: str) -> str:
        """The name on the server of one of the lesson's queues or exchanges."""
        return self._names[name]

    def connection(self) -> "Connection":
        """A connection of kombu's, not opened yet."""
        from kombu import Connection  # deferred: a lesson without RabbitMQ needs none

        return Connection(self.url, connect_timeout=CONNECT_TIMEOUT_S)

    def remove_all(self) -> None:
        """Delete every queue and every exchange with a name of the lesson's, and nothing else.

        (Celery's own exchanges for questions to workers take their names from control_exchange.)
        """
        with self.connection() as connection:
            channel: Any = connection.default_channel  # of py-amqp
            for name in self._names.values():
                channel.queue_delete(name)  # no error where there is none
                for exchange in (name, f"{name}.pidbox", f"reply.{name}.pidbox"):
                    channel.exchange_delete(exchange)


@contextmanager
def own_amqp(lesson: str, *names: str) -> Iterator[OwnAmqp | None]:
    """Give RabbitMQ for a lesson; None where AMQP_URL names none.

    The queues and exchanges of these names are gone before the block, and after it.
    Raises LabError where AMQP_URL is no address, or the server does not let the lab in.
    """
    if not AMQP_URL:
        yield None
        return
    if not AMQP_URL.startswith(("amqp://", "amqps://")):
        wrong = f"AMQP_URL must begin with amqp:// or amqps://, got {masked(AMQP_URL)}"
        raise LabError(wrong, f"{EXAMPLE} ./lab run {lesson.removeprefix('lesson')}")
    from amqp.exceptions import AMQPError  # deferred, too
    from kombu.exceptions import OperationalError

    amqp = OwnAmqp(AMQP_URL, lesson, names)
    try:
        amqp.remove_all()  # what a killed run may have left
    except (AMQPError, OperationalError, OSError, ValueError) as error:
        raise LabError(
            f"RabbitMQ at {masked(AMQP_URL)} cannot be used: {error or type(error).__name__}"
            f"; without AMQP_URL{where_set('AMQP_URL')} the lesson leaves RabbitMQ out",
            look_or_unset("AMQP_URL"),
        ) from None
    try:
        yield amqp
    finally:
        amqp.remove_all()
