"""Workers of one's own, for lessons and tests that may not disturb the shared ones."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from labkit.nodes import Node, started


class Worker(Node):
    """A running worker."""

    kind = "worker"


def worker_command(
    name: str, queues: Sequence[str], options: Sequence[str], settings: Sequence[str]
) -> list[str]:
    """The line that starts a worker, as a person would type it."""
    line = ["./start_worker.sh", "-n", f"{name}@%h", f"--queues={','.join(queues)}", *options]
    return [*line, "--", *settings] if settings else line


@contextmanager
def own_worker(
    name: str,
    queues: Sequence[str],
    *options: str,
    settings: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    show: bool = True,
) -> Iterator[Worker]:
    """Start a worker for some queues; give it when it answers; stop it on the way out.

    options: further options of `celery worker`, such as "--concurrency=1", "--pool=threads".
    settings: Celery settings for this worker only, such as "task.acks_late=True".  What has an
        option of its own must be given as one: "--prefetch-multiplier=1", "--concurrency=1".
    environment: changes to its environment, such as {"REDIS_URL": ...}.
    show: print the line that starts it.
    Raises LabError if it ends or does not answer in READY_TIMEOUT_S seconds.
    """
    with own_workers(
        [name], queues, *options, settings=settings, environment=environment, show=show
    ) as workers:
        yield workers[0]


@contextmanager
def own_workers(
    names: Sequence[str],
    queues: Sequence[str],
    *options: str,
    settings: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    show: bool = True,
) -> Iterator[list[Worker]]:
    """The same for several workers: they start at the same time, and stop at the same time."""
    with ExitStack() as running:
        workers = [
            running.enter_context(
                started(
                    Worker,
                    name,
                    worker_command(name, queues, options, settings),
                    environment,
                    show=show,
                )
            )
            for name in names
        ]
        for worker in workers:
            worker.wait_until_ready(f"{worker.name} ready.")
        try:
            yield workers
        finally:
            for worker in workers:
                worker.ask_to_stop()
