"""One broker at work: senders, a worker that can be killed many times, and a ledger."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.forked_workers import ForkedWorker, forked_worker
from labkit.sides import Side
from labkit.waiting import wait_until
from work.ledger import Ledger

if TYPE_CHECKING:
    from celery import Celery

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

    def send(self, order: str, seconds: float = 0, priority: int | None = None) -> float:
        """Send one job to the queue "work"; return when (seconds since 1970)."""
        sent, job = time.time(), (self.ledger.run, order, seconds)
        queue = self.names["work"]
        self.careful.send_task(self.task, job, queue=queue, priority=priority, ignore_result=True)
        return sent

    def ended(self) -> int:
        """How many END lines there are: counted, because to read them all takes longer."""
        return self.ledger.path.read_bytes().count(b'"event": "END"')

    def finished(self) -> set[str]:
        """The orders that have an END line."""
        return {one.job for one in self.ledger.entries() if one.event == "END"}

    def starts(self, order: str) -> list[float]:
        """When this job was started (seconds since 1970)."""
        lines = self.ledger.entries()
        return [one.time for one in lines if (one.event, one.job) == ("START", order)]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for what the worker brings about; LabError if it does not."""
        if not wait_until(condition, WORK_TIMEOUT_S):
            raise LabError(
                f"{self.worker.name} did not do its work in {WORK_TIMEOUT_S} s",
                f"tail {self.worker.log}",
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
