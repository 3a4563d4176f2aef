"""Two brokers side by side for one lesson: a Redis of its own, and RabbitMQ where there is one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from labkit.lesson import claim
from labkit.own_amqp import own_amqp
from labkit.own_broker import looking_every_second, own_broker, transport_setting

LABEL_WIDTH, COLUMN_WIDTH = 38, 16


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


def show_row(label: str, answers: Iterable[object]) -> None:
    """One row of a table: the answers of Redis and RabbitMQ, "left out" where there is none."""
    cells = [str(answer) for answer in answers]
    cells += ["left out"] * (2 - len(cells))
    print((label.ljust(LABEL_WIDTH) + "".join(cell.ljust(COLUMN_WIDTH) for cell in cells)).rstrip())


def claim_where(there: bool, holds: bool, sentence: str) -> None:
    """A claim about a side that may be missing: then the line says that it was left out."""
    if there:
        claim(holds, sentence)
    else:
        print(f"left out: {sentence}")
