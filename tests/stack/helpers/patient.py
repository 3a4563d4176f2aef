"""A broker, a LAB_HOME and workers of one test, for the doctor and the monitor to look at."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from celery import Celery
from celery.result import AsyncResult

from lab_home import MARK, ROOT
from labkit.broker.check import client_for
from labkit.broker.queues import find_unacked
from labkit.broker.server import EmbeddedBroker
from labkit.own.workers import Worker, own_worker
from tests.stack.helpers.labs import lab_environment, wait_until
from tests.stack.helpers.stored import stored_status

LONG_S = 60  # a nap that no test waits for: its worker is killed


@dataclass
class Answer:
    """What a command printed, its exit code, and how long it took."""

    code: int
    text: str
    errors: str
    seconds: float


class Patient:
    """A real broker with a database of the lab, and what a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.broker = EmbeddedBroker(folder / "broker")
        self.broker.start()
        self.url = self.broker.url
        self.client = client_for(self.url)
        self.mark()
        # Sends as a program does that knows only the names of the tasks, and wants no results.
        self.app = Celery(broker=self.url, set_as_current=False)
        self.shared_worker: Worker  # of the fixture `ward`
        self.environment = lab_environment(self.home, REDIS_URL=self.url)

    def mark(self) -> None:
        """Make the database the lab's."""
        self.client.set(MARK, "test")

    def close(self) -> None:
        """Stop the broker."""
        self.app.close()
        self.client.close()
        self.broker.stop()

    def send(self, task: str, *arguments: object, queue: str = "basic", **options) -> AsyncResult:
        """Send tasks.basic_tasks.TASK."""
        return self.app.send_task(f"tasks.basic_tasks.{task}", arguments, queue=queue, **options)

    def run(self, *command: str, **changes: str) -> Answer:
        """Run a Python program of the tree as a person would, to its end."""
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr, time.monotonic() - start)

    def doctor(
        self, *arguments: str, wait_s: float = 30, code: int | None = None, **changes: str
    ) -> Answer:
        """Run ./lab doctor, with time enough also on a busy machine; code: how it must end."""
        line = ["-m", "labkit.cli", "doctor", f"--wait={wait_s}", *arguments]
        answer = self.run(*line, **changes)
        assert code in {None, answer.code}, answer.text
        return answer

    @contextmanager
    def worker(
        self, name: str, *options: str, queue: str = "basic", settings=()
    ) -> Iterator[Worker]:
        """A worker; it is killed on the way out, because some of its tasks sleep for long."""
        with own_worker(
            name, [queue], *options, settings=settings, environment=self.environment, show=False
        ) as worker:
            yield worker
            worker.kill()

    def wait_for_state(self, result: AsyncResult, state: str) -> None:
        """Wait until this state is stored."""
        wait_until(
            lambda: stored_status(self.client, result.id) == state, what=f"{state} is stored"
        )

    def wait_until_taken(self, result: AsyncResult) -> None:
        """Wait until a worker has taken the message and not acknowledged it."""
        wait_until(
            lambda: find_unacked(self.client, result.id).found, what="a worker took the message"
        )


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    """A broker of the test's own; workers log into the LAB_HOME that the doctor sees."""
    one = Patient(tmp_path)
    monkeypatch.setattr("labkit.own.program.LAB_HOME", one.home)
    yield one
    one.close()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """A broker with one worker of four slots on the queue `basic`, shared by a module's tests."""
    one = Patient(tmp_path_factory.mktemp("ward"))
    with closing(one), pytest.MonkeyPatch.context() as changes:
        changes.setattr("labkit.own.program.LAB_HOME", one.home)
        with one.worker("ward") as one.shared_worker:
            yield one
