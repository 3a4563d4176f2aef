"""Two brokers side by side for one lesson: a Redis of its own, and RabbitMQ where there is one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from labkit.own.broker import looking_every_second, own_broker, transport_setting
from labkit.side_by_side.rabbitmq import own_amqp


@dataclass(frozen=True)
class Side:
    """One broker: its title, its address, and the names of the lesson's queues there.

    transport: broker_transport_options; waiting: those of a sender that waits for confirms, too.
    settings: what a worker there needs on its command line.
    """

    title: str
    url: str
    names: Mapping[str, str]
    transport: Mapping[str, object] = field(default_factory=dict)
    settings: Sequence[str] = ()

    @property
    def waiting(self) -> dict[str, object]:
        # Redis knows no confirms, and takes no notice.  A database would refuse the word.
        confirms = {} if self.url.startswith("sqla+") else {"confirm_publish": True}
        return {**self.transport, **confirms}


@contextmanager
def two_sides(lesson: str, names: Sequence[str], visibility_s: int) -> Iterator[list[Side]]:
    """Redis, and RabbitMQ if AMQP_URL names one."""
    options = looking_every_second(visibility_s)
    with own_broker(lesson) as redis, own_amqp(lesson, *names) as rabbitmq:
        same = {name: f"{lesson}-{name}" for name in names}
        sides = [Side("Redis", redis.address(), same, options, [transport_setting(options)])]
        if rabbitmq:
            theirs = {name: rabbitmq.name(name) for name in names}
            # What carries questions to workers would be shared with all others on the server.
            quiet = ["worker.enable_remote_control=False"]
            sides.append(Side("RabbitMQ", rabbitmq.url, theirs, settings=quiet))
        yield sides
