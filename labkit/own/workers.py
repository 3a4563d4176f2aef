"""Workers of one's own, for lessons and tests that may not disturb the shared ones."""

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from lab_home import REDIS_URL
from labkit.broker.inspector import asking_app
from labkit.errors import LabError, in_shell
from labkit.own.program import started
from labkit.processes.program import READY_TIMEOUT_S, Program
from labkit.waiting import wait_until
from work.ledger import Entry

ANSWER_S = 0.3  # a worker that hears a question answers in milliseconds; then ask again


class Worker(Program):
    """A running worker."""

    kind = "worker"

    @property
    def short_name(self) -> str:
        """Its name without the host: lesson20-high."""
        return self.name.partition("@")[0]

    def wrote(self, entry: Entry) -> bool:
        """True if it, or its pool, wrote a line of a ledger: they are one process group."""
        return entry.group == self.process.pid

    def wait_until_it_answers(
        self, queues: Sequence[str], url: str = REDIS_URL, *, lab_settings: bool = True
    ) -> None:
        """Wait until it is ready and also hears: asked, it names (at least) these queues.

        It listens for questions a moment after it has written that it is ready.
        lab_settings: False if it was given broker_transport_options of its own.
        Raises LabError if it ends or does not answer in READY_TIMEOUT_S seconds.
        """
        self.wait_until_ready(f"{self.name} ready.")
        with (
            asking_app(url, lab_settings=lab_settings) as asking,
            # Celery keeps its connections for the next time; by then a broker may have restarted.
            asking.connection_for_write() as connection,
        ):
            ask = asking.control.inspect([self.name], timeout=ANSWER_S, connection=connection)

            def answers() -> bool:
                answer = (ask.active_queues() or {}).get(self.name, ())
                return set(queues) <= {queue["name"] for queue in answer}

            if not wait_until(answers, READY_TIMEOUT_S, as_long_as=self.running):
                raise LabError(
                    f"the worker {self.name} does not answer", f"tail {in_shell(self.log)}"
                )


@dataclass(frozen=True)
class WorkerLine:
    """What a worker of one's own is started with: own_worker() says what each of them is."""

    name: str
    queues: Sequence[str]
    options: Sequence[str] = ()
    settings: Sequence[str] = ()
    environment: Mapping[str, str] | None = None
    show: bool = True

    def command(self) -> list[str]:
        """The line that starts it, as a person would type it."""
        line = ["./start_worker.sh", "-n", f"{self.name}@%h", f"--queues={','.join(self.queues)}"]
        return [*line, *self.options, *(["--", *self.settings] if self.settings else [])]


@contextmanager
def own_worker(
    name: str,
    queues: Sequence[str],
    *options: str,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    show: bool = True,
) -> Iterator[Worker]:
    """Start a worker for some queues; give it when it answers; stop it on the way out.

    options: further options of `celery worker`, such as "--concurrency=1", "--pool=threads".
    settings: Celery settings for this worker only, such as "task.acks_late=True".  What has an
        option of its own must be given as one: "--prefetch-multiplier=1", "--concurrency=1".
    environment: changes to its environment, such as {"REDIS_URL": ...}.
    show: print the line that starts it.
    Raises LabError if it ends or does not answer in READY_TIMEOUT_S seconds.  (A worker with
    --pool=solo answers between two tasks only: send it work when it is there.)
    """
    line = WorkerLine(name, queues, options, settings, environment, show)
    with workers_of([line]) as (worker,):
        yield worker


@contextmanager
def worker_by(command: str, name: str, queues: Sequence[str]) -> Iterator[Worker]:
    """The same by a command of one's own, for what start_worker.sh always adds: --queues.

    queues: those that it takes from then.
    """
    with started(Worker, name, shlex.split(command)) as worker:
        worker.wait_until_it_answers(queues)
        yield worker


@contextmanager
def own_workers(
    names: Sequence[str],
    queues: Sequence[str],
    *options: str,
    environment: Mapping[str, str] | None = None,
) -> Iterator[list[Worker]]:
    """The same for several workers of one kind: they start at the same time, and stop so."""
    lines = [WorkerLine(name, queues, options, environment=environment) for name in names]
    with workers_of(lines) as workers:
        yield workers


@contextmanager
def workers_of(lines: Sequence[WorkerLine]) -> Iterator[list[Worker]]:
    """The same for several workers of different kinds."""
    with ExitStack() as running:
        workers = [
            running.enter_context(
                started(Worker, line.name, line.command(), line.environment, show=line.show)
            )
            for line in lines
        ]
        try:
            for line, worker in zip(lines, workers, strict=True):
                url = (line.environment or {}).get("REDIS_URL", REDIS_URL)
                own = any(one.startswith("broker.transport_options") for one in line.settings)
                worker.wait_until_it_answers(line.queues, url, lab_settings=not own)
            yield workers
        finally:
            for worker in workers:
                worker.ask_to_stop()


def wait_for_ends(workers: Sequence[Worker], timeout_s: float) -> list[float]:
    """Wait until all workers have ended; when each did (seconds since 1970)."""
    ended_at: dict[str, float] = {}

    def all_ended() -> bool:
        for worker in workers:
            if not worker.running():
                ended_at.setdefault(worker.name, time.time())
        return len(ended_at) == len(workers)

    wait_until(all_ended, timeout_s)
    return [ended_at.get(worker.name, time.time()) for worker in workers]
