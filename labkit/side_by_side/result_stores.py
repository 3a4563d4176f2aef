"""Result backends at work: for each one a worker that stores results there, and a sender."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from lab_home import LAB_FILES
from labkit.broker.check import client_for
from labkit.own.broker import own_broker
from labkit.own.ledgers import wait_for_lines
from labkit.side_by_side import postgresql, rabbitmq
from labkit.side_by_side.forked_workers import forked_worker
from work.ledger import Ledger

if TYPE_CHECKING:
    from celery import Celery
    from celery.result import AsyncResult

TIMEOUT_S = 60  # nothing here takes 5 s; the rest is room for a busy machine

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

    def ms_per_job(self, jobs: int) -> float:
        """Send so many jobs, and wait for them: milliseconds from one finished job to the next."""
        for number in range(jobs):
            self.send(f"job {number}")
        ended = self.wait_for_ends(jobs)
        return 1000 * (ended[-1] - ended[0]) / (jobs - 1)

    def wait_for_ends(self, jobs: int) -> list[float]:
        """Wait until so many jobs are finished in all; when each was (seconds since 1970)."""
        what = f"the end of {jobs} jobs on {self.place.name}"
        wait_for_lines([self.ledger], lambda: len(self._ended()) >= jobs, TIMEOUT_S, what)
        return self._ended()

    def _ended(self) -> list[float]:
        return [one.time for one in self.ledger.entries() if one.event == "END"]

    def another_program(self) -> "Celery":
        """An app with no memory of what was sent."""
        return self.app_on(self.place.broker_url, self.place.result_url)

    def state(self, task_id: str) -> str:
        """The state that another program finds: one with no memory of the task."""
        with self.another_program() as other:
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
    lesson: str, backends: Mapping[str, str], ledgers: list[Ledger], task: str, app_on: AppOn
) -> Iterator[dict[str, Store]]:
    """Start a worker for each backend; where its server is missing, a sentence stands for its line.

    backends: name -> address; {redis} and {postgresql} in it are what stands behind "://" in the
        address of the lesson's own one, {folder} is a folder.
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
        known = {
            "redis": broker.partition("://")[2],
            "postgresql": (schema or "").partition("://")[2],
            "folder": str(folder),
        }
        left_out = {}
        if not schema:
            left_out["postgresql"] = postgresql.left_out(lesson.removeprefix("lesson"))
        if not amqp:
            left_out["rpc"] = rabbitmq.left_out(lesson)
        stores = {}
        for (name, address), ledger in zip(backends.items(), ledgers, strict=True):
            if name in left_out:
                print(left_out[name])
                continue
            place = Place(name, broker, address.format(**known), f"{lesson}-{name}", folder)
            if name == "rpc" and amqp:
                place = Place(name, amqp.url, address, amqp.name("rpc"), folder)
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


def show_what_is_kept(stores: Mapping[str, Store]) -> None:
    """Look into redis, sqlite and files without Celery: print where a result lies there."""
    last, file = (stores[name].send("to look at") for name in ("redis", "files"))
    last.get(timeout=TIMEOUT_S)
    file.get(timeout=TIMEOUT_S)
    with client_for(stores["redis"].place.result_url) as client:
        key = f"celery-task-meta-{last.id}"
        print(f"redis keeps a key for {client.ttl(key)} s: {str(client.get(key))[:40]}...")
    with closing(sqlite3.connect(stores["sqlite"].place.folder / "results.sqlite")) as database:
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(celery_taskmeta)")]
    print(f"sqlite keeps a row: {', '.join(columns[:7])} and {len(columns) - 7} more")
    [name] = [one.name for one in stores["files"].place.folder.glob(f"*{file.id}")]
    print(f"files keeps {name}")
