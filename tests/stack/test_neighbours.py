"""What workers share with others in one database, and what ends one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab_home import MARK, ROOT
from labkit.own.broker import OwnBroker, transport_setting
from labkit.own.workers import WorkerLine, workers_of
from tests.stack.helpers.labs import lab_environment, running, wait_until

PREFIX = {"global_keyprefix": "other-project:"}
END_S = 60  # a worker that cannot go on ends within 2 s
ANSWER_S = 2  # all answer in milliseconds; ask again where one is missing
TASK_ID = "a-task-that-is-revoked"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    """A broker with three workers in database 1, each on a queue of its own; one has a prefix."""
    folder = tmp_path_factory.mktemp("neighbours")
    one = OwnBroker(folder)
    with pytest.MonkeyPatch.context() as changes, running(one):
        changes.setattr("labkit.own.program.LAB_HOME", folder)
        lines = [worker_line(one, name) for name in ("one", "two")]
        prefix = transport_setting(PREFIX)
        with workers_of(lines), other_worker(one, folder, "prefixed", prefix):
            yield one


def worker_line(broker: OwnBroker, name: str) -> WorkerLine:
    where = broker.environment(1)
    return WorkerLine(name, [name], ["--concurrency=1"], environment=where, show=False)


@contextmanager
def other_worker(
    broker: OwnBroker, folder: Path, name: str, *settings: str
) -> Iterator[subprocess.Popen]:
    """A worker that is started as Celery does it: it mingles, and nobody asks it for a sign."""
    line = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-n", f"{name}@%h"]
    line += [f"--queues={name}", "--concurrency=1", "--loglevel=info"]
    log = folder / f"{name}.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [*line, "--", *settings] if settings else line,
            cwd=ROOT,
            env=lab_environment(folder, **broker.environment(1)),
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(
            lambda: " ready." in log.read_text() or worker.poll() is not None, END_S, "ready"
        )
        yield worker
    finally:
        worker.terminate()
        worker.wait(END_S)


def answering(broker: OwnBroker, database: int, **transport: str) -> set[str]:
    """The names of the workers that answer a ping."""
    with broker.app(database, **transport) as app:
        answers = app.control.ping(timeout=ANSWER_S) or []
    return {name.partition("@")[0] for answer in answers for name in answer}


def test_a_worker_marks_its_database_before_it_writes_anything_else(broker):
    line = WorkerLine("early", ["early"], environment=broker.environment(2), show=False)
    written: list[str] = []
    with broker.client(2).monitor() as monitor, workers_of([line]):
        while not written or "_kombu.binding.early" not in written[-1]:
            told = monitor.next_command()
            if str(told["db"]) == "2" and told["command"].split()[0] in {"SADD", "SET", "LPUSH"}:
                written.append(told["command"])
    assert written[0].startswith(f"SET {MARK} ")


def test_a_ping_reaches_every_project_in_a_database_and_none_in_another(broker):
    # The queues have different names.
    wait_until(lambda: answering(broker, 1) == {"one", "two"}, 30, "both answer")
    wait_until(lambda: answering(broker, 1, **PREFIX) == {"prefixed"}, 30, "its own worker alone")
    assert answering(broker, 2) == set()


def test_a_worker_learns_of_revokes_if_it_mingles(broker, tmp_path):
    with broker.app(1) as app:

        def revoked(name: str) -> bool:
            answers = app.control.inspect(timeout=ANSWER_S).revoked() or {}
            return any(TASK_ID in ids for node, ids in answers.items() if node.startswith(name))

        app.control.revoke(TASK_ID)
        wait_until(lambda: revoked("one") and revoked("two"), 30, "both know it")
        with workers_of([worker_line(broker, "alone")]), other_worker(broker, tmp_path, "mingles"):
            wait_until(lambda: revoked("mingles"), 30, "it was told at its start")
            assert not revoked("alone")


def test_a_queue_that_is_not_declared_stops_the_worker_where_none_is_made(broker, tmp_path):
    with other_worker(broker, tmp_path, "undeclared", "task.create_missing_queues=False") as worker:
        assert worker.wait(END_S)
    assert "undeclared" in (log := (tmp_path / "undeclared.log").read_text())
    assert "ready." not in log
