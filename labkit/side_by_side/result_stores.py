"""Result backends at work: for each one a worker that stores results there, and a sender."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from lab_home import LAB_FILES
from labkit.own.broker import own_broker
from labkit.side_by_side import postgresql, rabbitmq
from labkit.side_by_side.forked_workers import forked_worker
from work.ledger import Ledger

if TYPE_CHECKING:
    from celery import Celery
    from celery.result import AsyncResult

AppOn = Callable[..., "Celery"]


@dataclass(frozen=True)
class Place:
    """Where a lesson's results are kept: a name, the addresses, and the queue of the worker."""

    name: str
    broker_url: str
    result_url: str
    queue: str
    folder: Path  # of everything that is kept in files


@dataclass(frozen=True, eq=False)
class Store:
    """A result backend at work: its worker writes into the ledger, too."""

    place: Place
    app: "Celery"
    ledger: Ledger
    task: str
    app_on: AppOn
    keeps: bool  # False: the tasks are sent with ignore_result=True

    def send(self, order: str, seconds: float = 0) -> "AsyncResult":
        """Send one job."""
        job = (self.ledger.run, order, seconds)
        queue, ignore = self.place.queue, not self.keeps
        return self.app.send_task(self.task, job, queue=queue, ignore_result=ignore)

    def ended(self) -> list[float]:
        """When each finished job was finished (seconds since 1970)."""
        return [one.time for one in self.ledger.entries() if one.event == "END"]

    def state(self, task_id: str) -> str:
        """The state that another program finds: one with no memory of the task."""
        with self.app_on(self.place.broker_url, self.place.result_url) as other:
            try:
                return other.AsyncResult(task_id).state
            finally:
                if self.place.name == "rpc":  # it has made a queue for answers of its own
                    backend: Any = other.backend
                    with other.connection_for_write() as connection:
                        channel: Any = connection.default_channel
                        channel.queue_delete(backend.binding.name)


@contextmanager
def result_stores(
    lesson: str, names: list[str], ledgers: list[Ledger], task: str, app_on: AppOn
) -> Iterator[dict[str, Store]]:
    """Start a worker for each name; where its server is missing, a sentence stands for its line.

    names: redis, sqlite, files, none, postgresql, rpc.
    """
    folder = LAB_FILES / ledgers[0].run
    with (
        own_broker(lesson) as redis,
        postgresql.own_schema(lesson) as schema,
        rabbitmq.own_amqp(lesson, "rpc") as amqp,
        ExitStack() as running,
    ):
        folder.mkdir(parents=True)
        running.callback(rmtree, folder)
        broker = redis.address()
        results = {
            "redis": broker,
            "sqlite": f"db+sqlite:///{folder / 'results.sqlite'}",
            "files": f"file://{folder}",
            "none": broker,
            "postgresql": f"db+{schema}" if schema else "",
            "rpc": "rpc://" if amqp else "",
        }
        number = lesson.removeprefix("lesson")
        left_out = {
            "postgresql": postgresql.left_out(number),
            "rpc": rabbitmq.left_out(lesson),
        }
        stores = {}
        for name, ledger in zip(names, ledgers, strict=True):
            if not results[name]:
                print(left_out[name])
                continue
            place = Place(name, broker, results[name], f"{lesson}-{name}", folder)
            if name == "rpc" and amqp:
                place = Place(name, amqp.url, results[name], amqp.name("rpc"), folder)
            app = running.enter_context(app_on(place.broker_url, place.result_url))
            worker = forked_worker(
                f"{lesson}-{name}",
                task.rpartition(".")[0],
                [place.queue],
                "--concurrency=1",
                settings=["worker.enable_remote_control=False"] if name == "rpc" else [],
                environment={
                    "LESSON_BROKER_URL": place.broker_url,
                    "LESSON_RESULT_URL": place.result_url,
                },
            )
            running.enter_context(worker).start()
            stores[name] = Store(place, app, ledger, task, app_on, keeps=name != "none")
        yield stores
