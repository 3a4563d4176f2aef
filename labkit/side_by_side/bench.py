"""One broker at work: senders, a worker that can be killed many times, and a ledger."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kombu import Queue

from labkit.broker.check import client_for
from labkit.broker.quiet import jobs_in_messages
from labkit.errors import LabError, in_shell
from labkit.lesson.tables import table
from labkit.own.ledgers import own_ledgers
from labkit.side_by_side.forked_workers import ForkedWorker, forked_worker
from labkit.side_by_side.rabbitmq import left_out
from labkit.side_by_side.two_brokers import Side, two_sides
from labkit.waiting import wait_until
from work.ledger import Ledger

if TYPE_CHECKING:
    from celery import Celery

GIVEN_BACK_S = 2.0  # RabbitMQ sees the end of a connection in milliseconds
WORK_TIMEOUT_S = 60  # no job takes 2 s; the rest is room for a busy machine


@dataclass(frozen=True, eq=False)
class Bench:
    """One broker in a lesson.  A job is the task, the ledger's run, an order, and seconds.

    names: of the lesson's queues.  app: a sender.  careful: one that waits for confirms.
    """

    names: Mapping[str, str]
    app: "Celery"
    careful: "Celery"
    worker: ForkedWorker
    ledger: Ledger
    task: str  # its name
    ids: dict[str, str] = field(default_factory=dict)  # order -> id of the last message sent

    def send(self, order: str, seconds: float = 0, priority: int | None = None) -> float:
        """Send one job to the queue "work"; return when (seconds since 1970)."""
        sent, job = time.time(), (self.ledger.run, order, seconds)
        queue = self.names["work"]
        self.ids[order] = self.careful.send_task(
            self.task, job, queue=queue, priority=priority, ignore_result=True
        ).id
        return sent

    def ended(self) -> int:
        """How many END lines there are: counted, because to read them all takes longer."""
        return self.ledger.path.read_bytes().count(b'"event": "END"')

    def finished(self) -> set[str]:
        """The orders that have an END line."""
        return set(self.ledger.jobs("END"))

    def starts(self, order: str) -> list[float]:
        """When this job was started (seconds since 1970)."""
        lines = self.ledger.entries()
        return [one.time for one in lines if (one.event, one.job) == ("START", order)]

    def orders_left(self) -> set[str]:
        """The orders whose message still waits, or was taken and not acknowledged.

        RabbitMQ tells nobody what a worker holds.  So the worker is killed there: then it is given
        back, and waits.
        """
        unfinished = set(self.ids) - self.finished()
        if not unfinished:
            return set()
        queue, url = self.names["work"], self.app.conf.broker_url
        if url.startswith("redis"):
            with client_for(url) as client:
                return jobs_in_messages(client, [queue], self.ids) & unfinished
        self.worker.kill()
        taken = self._taken_ids(queue)
        return {order for order in unfinished if self.ids[order] in taken}

    def _taken_ids(self, queue: str) -> set[str]:
        """Take every message; return their ids.  The end of the connection gives them back."""
        found: set[str] = set()
        with self.app.connection_for_read() as connection:
            bound = Queue(queue)(connection.default_channel)

            def take() -> bool:
                while message := bound.get():
                    found.add(message.headers["id"])
                return False

            wait_until(take, GIVEN_BACK_S)
        return found

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for what the worker brings about; LabError if it does not."""
        wait_for_work([self], condition)


def wait_for_work(benches: Collection[Bench], condition: Callable[[], bool]) -> None:
    """Wait for what the workers bring about; LabError that names them if they do not.

    benches: the condition may take those away whose workers have done their part.
    """
    if not wait_until(condition, WORK_TIMEOUT_S):
        late = [bench.worker for bench in benches]
        raise LabError(
            f"{' and '.join(one.name for one in late)} did not do its work in {WORK_TIMEOUT_S} s",
            f"tail {in_shell(late[0].log)}",
        )


@contextmanager
def bench_on(
    side: Side,
    ledger: Ledger,
    task: str,
    app_on: "Callable[..., Celery]",
) -> Iterator[Bench]:
    """Print the line of the worker, which is not started yet; give everything for one broker.

    app_on: makes an app from an address and transport options.  task: "MODULE.FUNCTION".
    """
    with (
        app_on(side.url, **side.transport) as app,
        app_on(side.url, **side.waiting) as careful,
        forked_worker(
            f"{ledger.run.partition('-')[0]}-{side.title.lower()}",
            task.rpartition(".")[0],
            [side.names["work"]],
            "--concurrency=1",
            "--prefetch-multiplier=1",
            settings=side.settings,
            environment={"LESSON_BROKER_URL": side.url},
        ) as worker,
    ):
        yield Bench(side.names, app, careful, worker, ledger, task)


@contextmanager
def both_benches(
    lesson: str,
    names: Sequence[str],
    visibility_s: int,
    task: str,
    app_on: "Callable[..., Celery]",
) -> Iterator[list[Bench]]:
    """A bench on Redis, and one on RabbitMQ; where AMQP_URL names none, a sentence says so.

    names: of the lesson's queues and exchanges.  visibility_s: of Redis.
    """
    with (
        own_ledgers(lesson, "redis", "rabbitmq") as ledgers,
        two_sides(lesson, names, visibility_s) as sides,
        ExitStack() as opened,
    ):
        benches = [
            opened.enter_context(bench_on(side, ledger, task, app_on))
            for side, ledger in zip(sides, ledgers, strict=False)
        ]
        if len(benches) == 1:
            print(left_out(lesson))
        yield benches


def ask_both(
    benches: Sequence[Bench], questions: Mapping[str, Callable[[Bench], Any]]
) -> list[list[Any]]:
    """Put questions to each broker, and print a table of the answers; return those, row by row."""
    answers = [[ask(bench) for bench in benches] for ask in questions.values()]
    table(
        *("", "Redis", "RabbitMQ"),
        rows=[
            (question, *answer, *(["left out"] if len(answer) == 1 else []))
            for question, answer in zip(questions, answers, strict=True)
        ],
    )
    return answers
