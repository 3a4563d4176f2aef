"""One setup of a trial: its worker, what was sent to it, and what came of that."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

import psutil
import redis
from celery import Celery, Task
from celery.result import AsyncResult

from labkit.broker.queues import (
    PRIORITIES,
    find_unacked,
    lengths,
    list_name,
    oldest,
    unacked_by_queue,
)
from labkit.broker.quiet import MANY, jobs_in_messages
from labkit.lesson.endings import how_it_ended
from labkit.lesson.tables import GAP
from labkit.lesson.verdict import Verdict, verdict_on
from labkit.own.facts import note_kill, note_taken
from labkit.own.workers import Worker, WorkerLine
from work.ledger import Entry, Ledger


@dataclass
class Setup:
    """See labkit.lesson.trial.  It has a queue, a ledger and (once it is started) a worker."""

    name: str
    queue: str
    ledger: Ledger
    line: WorkerLine
    client: redis.Redis
    app: Celery | None  # of a broker of its own; None on the shared one
    database: int = 0  # of that broker
    worker: Worker = field(init=False)
    results: dict[str, AsyncResult] = field(default_factory=dict)  # by job
    _kept: tuple[list[Entry], set[str], dict[str, str]] | None = None

    # -- Sending --------------------------------------------------------------------------------

    def send(self, task: Task, job: str, *arguments: object, **options: Any) -> AsyncResult:
        """Call task(run, job, *arguments) by a message in this setup's queue.

        run: the name of the ledger that the task writes to.  options: as for apply_async(); queue
        for another one that the worker takes from.
        """
        called_with = (self.ledger.run, job, *arguments)
        if self.app:
            sent = self.app.send_task(task.name, called_with, **{"queue": self.queue, **options})
        else:
            sent = task.apply_async(called_with, **{"queue": self.queue, **options})
        self.results[job] = sent
        return sent

    # -- What the work has written down ---------------------------------------------------------

    def entries(self, event: str | None = None, job: str | None = None) -> list[Entry]:
        """The lines of the ledger; only those of an event ("START", "END"), of a job."""
        lines = self._kept[0] if self._kept else self.ledger.entries()
        return [one for one in lines if event in (None, one.event) and job in (None, one.job)]

    def began(self, job: str) -> bool:
        """True if work on the job has begun."""
        return self.runs(job) > 0

    def ended(self, job: str) -> bool:
        """True if work on the job has come to its end."""
        return bool(self.entries("END", job))

    def runs(self, job: str) -> int:
        """How often work on the job has begun."""
        return len(self.entries("START", job))

    def runs_within(self, seconds: float) -> int:
        """How many runs, of any job, began within so many seconds of the first one."""
        until = self.when("START") + seconds
        return sum(one.time < until for one in self.entries("START"))

    def done(self, by: Worker | None = None) -> list[str]:
        """The jobs that were worked on to their end, in that order; only those by one worker."""
        return [one.job for one in self.entries("END") if not by or by.wrote(one)]

    def when(self, event: str, job: str | None = None, *, after: float = 0) -> float:
        """When a job, or any, came to that event first after a moment; inf if it did not.

        after, and what is returned: seconds since 1970.
        """
        moments = (one.time for one in self.entries(event, job))
        return min((moment for moment in moments if moment > after), default=inf)

    def fate(self, job: str) -> str:
        """What the ledger says of a job.  Its state is only what somebody reported."""
        if not self.began(job):
            return "never began"
        return "began and ended" if self.ended(job) else "began, and did not end"

    def running_at(self, moment: float) -> list[str]:
        """The jobs that had begun, and had not ended, at a moment (seconds since 1970)."""
        begun = [one.job for one in self.entries("START") if one.time < moment]
        return [job for job in begun if self.when("END", job) > moment]

    # -- Where the messages are -----------------------------------------------------------------

    def queued(self) -> int:
        """How many messages wait in the queue."""
        return sum(lengths(self.client, [self.queue])[self.queue].values())

    def lists(self) -> dict[str, str]:
        """{name of each list of the queue: the priorities of its messages, the next one first}."""
        return {
            repr(list_name(self.queue, first))[1:-1]: " ".join(
                str(message.properties["priority"])
                for message in oldest(self.client, self.queue, MANY, first)
            )
            for first in PRIORITIES
        }

    def unacked(self) -> int:
        """How many messages workers have taken from the queue, and not acknowledged."""
        return (unacked_by_queue(self.client) or {}).get(self.queue, 0)

    def taken_at(self, job: str) -> float:
        """When a worker took the job's message (seconds since 1970); inf if no worker holds it."""
        found = find_unacked(self.client, self.results[job].id).found
        if not found:
            return inf
        note_taken(self.ledger, job, found.taken_at)
        return found.taken_at

    # -- Its worker -----------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill its worker (kill -9), with its pool, as a power cut would."""
        note_kill(self.worker.process.pid)  # its process group has the same number
        self.worker.kill()

    # -- What came of it ------------------------------------------------------------------------

    def state(self, job: str) -> str:
        """The state that is stored for the job, with the error if there is one."""
        if self._kept:
            return self._kept[2][job]
        stored = self.results[job]  # it remembers a state that is final
        return how_it_ended(stored.app.AsyncResult(stored.id), gap=GAP)

    def outcome(self, job: str) -> str:
        """How a job has ended: "done in 2.5 s", or the error as its caller gets it."""
        if self.ended(job):
            return f"done in {self.when('END', job) - self.when('START', job):.1f} s"
        return repr(self.results[job].result)

    def process_runs(self, job: str) -> bool:
        """True if the process that began with the job still runs."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.entries("START", job)[0].pid).status() != "zombie"
        return False

    def fate_at_stop(self, job: str) -> str:
        """finished (it wrote its END), requeued (its message is there still), or lost."""
        if self.ended(job):
            return "finished"
        return "requeued" if job in self._with_a_message() else "lost"

    def verdict(self, effects: Iterable[str] | None = None) -> Verdict:
        """What became of the jobs that were sent, by what the work itself has written down.

        effects: see verdict_on().
        """
        return verdict_on(self._ids(), self.entries(), effects, self._with_a_message())

    def _ids(self) -> dict[str, str]:
        return {job: result.id for job, result in self.results.items()}

    def _with_a_message(self) -> set[str]:
        if self._kept:
            return self._kept[1]
        return jobs_in_messages(self.client, [self.queue], self._ids())

    def keep(self) -> None:
        """Read all of that now: queue and ledger go away."""
        states = {job: self.state(job) for job in self.results}
        self._kept = (self.ledger.entries(), self._with_a_message(), states)
