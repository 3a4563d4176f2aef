"""What docs/production-settings.md says of settings is what workers do: each has its own."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import Task, chord
from celery.result import AsyncResult

from lab_home import ROOT
from labkit.own.broker import OwnBroker, looking_every_second, transport_setting
from labkit.own.workers import Worker, WorkerLine, workers_of
from tasks.advanced_tasks import print_ticket, print_ticket_late
from tasks.basic_tasks import describe
from tests.stack.helpers.labs import lab_environment, running, wait_until
from tests.stack.helpers.stored import stored_result
from work.ledger import Entry, Ledger

SUM_S = 5  # shorter than countdown + run, longer than each
COUNTDOWN_S, RUN_S = 3, 4
SHORT_S = 2  # a late task of RUN_S is given to a worker again


DATABASE = "db+sqlite:///FOLDER/results.sqlite"
ASKED = 6  # once a second: the members ended in the first one
# The members of the first chord have results, those of the second one have none.
CHORD = """
from celery import chord
from celery_app import app
from tasks.basic_tasks import add, describe
if "{worker}" == "database":
    app.conf.result_backend = "{backend}"
for ignore in (False, True):
    members = [add.s(1, n).set(queue="{worker}", ignore_result=ignore) for n in range(3)]
    print(chord(members)(describe.s().set(queue="{worker}")).id)
"""


def transport(visibility_s: int) -> str:
    return transport_setting(looking_every_second(visibility_s))


# A worker's name -> its database, its slots, and its settings.
WORKERS: dict[str, tuple[int, int, list[str]]] = {
    "sum": (1, 2, [transport(SUM_S)]),
    "again": (2, 1, [transport(SHORT_S)]),
    "once": (3, 1, [transport(SHORT_S), "worker.deduplicate_successful_tasks=True"]),
    "retry": (4, 2, ["task.retry_on_worker_lost=True"]),
    "timeout": (6, 1, ["task.acks_on_timeout=False", "task.acks_on_failure=False"]),
    "database": (5, 2, [f"result.backend={DATABASE}"]),
    "apart": (8, 2, [f"result.expires={SHORT_S}"]),
    "longer": (9, 2, [f"result.expires={SHORT_S}", "result.chord_expires=60"]),
}


class Stage(SimpleNamespace):
    """A broker, its workers by name, and the ledgers of their jobs."""

    broker: OwnBroker
    workers: dict[str, Worker]
    folder: Path

    def send(
        self, task: Task, worker: str, job: str, seconds: float, **options: Any
    ) -> AsyncResult:
        """Send a job to a worker's queue."""
        with self.broker.app(WORKERS[worker][0]) as app:
            return app.send_task(task.name, (worker, job, seconds), queue=worker, **options)

    def starts(self, worker: str, job: str) -> list[Entry]:
        """The START lines of a job."""
        lines = Ledger(self.folder / "ledgers", worker).entries()
        return [line for line in lines if (line.event, line.job) == ("START", job)]

    def ends(self, worker: str, job: str) -> int:
        """How often a job has ended."""
        lines = Ledger(self.folder / "ledgers", worker).entries()
        return [(line.event, line.job) for line in lines].count(("END", job))

    def quiet(self, worker: str) -> bool:
        """Nothing waits and nothing is held in a worker's database."""
        with self.broker.client(WORKERS[worker][0]) as client:
            return not client.exists(worker, "unacked")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    broker = OwnBroker(folder / "broker")
    for name in WORKERS:
        Ledger(folder / "ledgers", name).create()
    with pytest.MonkeyPatch.context() as changes, running(broker):
        changes.setattr("labkit.own.program.LAB_HOME", folder)
        lines = [worker_line(broker, folder, name) for name in WORKERS]
        # Half of them after the others: a busy machine needs long for all at the same time.
        with workers_of(lines[:3]) as first, workers_of(lines[3:]) as second:
            workers = [*first, *second]
            by_name = dict(zip(WORKERS, workers, strict=True))
            yield Stage(broker=broker, workers=by_name, folder=folder)
            for worker in workers:
                worker.kill()


def worker_line(broker: OwnBroker, folder: Path, name: str) -> WorkerLine:
    database, slots, settings = WORKERS[name]
    settings = [one.replace("FOLDER", str(folder)) for one in settings]
    where = broker.environment(database) | {"LAB_FILES": str(folder)}
    return WorkerLine(name, [name], [f"--concurrency={slots}"], settings, where, show=False)


def test_visibility_timeout_is_compared_with_the_sum_of_countdown_and_run(stage):
    stage.send(print_ticket_late, "sum", "both", RUN_S, countdown=COUNTDOWN_S)
    stage.send(print_ticket_late, "sum", "run alone", RUN_S)
    wait_until(lambda: stage.ends("sum", "both") > 1, 60, "it has run twice")
    assert stage.starts("sum", "both")[1].redelivered
    assert len(stage.starts("sum", "run alone")) == 1


def test_a_task_that_has_succeeded_is_not_run_again_where_that_is_asked_for(stage):
    for worker in ("again", "once"):
        stage.send(print_ticket_late, worker, "job", RUN_S)
    wait_until(lambda: stage.ends("again", "job") > 1, 60, "it has run twice")
    wait_until(lambda: stage.quiet("once"), 60, "the second message is gone")
    assert stage.ends("once", "job") == len(stage.starts("once", "job")) == 1
    assert "already completed successfully" in stage.workers["once"].log.read_text()


def test_retry_on_worker_lost_for_all_tasks_runs_an_early_acknowledged_one_again(stage):
    # Without the setting it does not: lesson 31.
    stage.send(print_ticket, "retry", "job", 30)
    wait_until(lambda: stage.starts("retry", "job"), 60, "it runs")
    os.kill(stage.starts("retry", "job")[0].pid, signal.SIGKILL)
    wait_until(lambda: len(stage.starts("retry", "job")) == 2, 60, "it runs again")


def test_a_late_task_whose_timeout_is_not_acknowledged_comes_back_without_limit(stage):
    # A failure does not come back, although this worker does not acknowledge it either.
    failed = stage.send(print_ticket_late, "timeout", "too long", 61)
    with stage.broker.client(WORKERS["timeout"][0]) as client:
        wait_until(lambda: stored_result(client, failed.id), 60, "it has failed")
    wait_until(lambda: stage.quiet("timeout"), 60, "its message is gone")
    # The hard limit is seen when the soft one is over.
    stage.send(print_ticket_late, "timeout", "job", 30, time_limit=1, soft_time_limit=2)
    wait_until(lambda: len(stage.starts("timeout", "job")) > 3, 60, "it comes back again and again")
    assert {line.redelivered for line in stage.starts("timeout", "job")[1:]} == {True}


def test_a_chord_of_members_without_results_does_not_end_with_results_in_a_database(stage):
    senders = [sender_of_chords(stage, worker) for worker in ("database", "retry")]
    (known, lost), (_, on_redis) = [one.communicate()[0].split() for one in senders]
    log = stage.workers["database"].log
    wait_until(lambda: f"[{known}] succeeded" in log.read_text(), 60, "the body of the first")
    wait_until(lambda: asked(log.read_text()) >= ASKED, 60, "somebody asks and asks")
    assert f"[{lost}]" not in log.read_text()
    log = stage.workers["retry"].log
    wait_until(lambda: f"[{on_redis}] succeeded" in log.read_text(), 60, "the body on Redis")


def test_a_chord_whose_members_end_far_apart_does_not_end_unless_its_keys_live_longer(stage):
    bodies = {worker: body_of_members_apart(stage, worker) for worker in ("longer", "apart")}
    logs = {worker: stage.workers[worker].log for worker in bodies}
    ran = "print_ticket["
    wait_until(lambda: {log.read_text().count(ran) for log in logs.values()} == {4}, 60, "all ran")
    wait_until(lambda: f"[{bodies['longer']}] succeeded" in logs["longer"].read_text(), 60, "body")
    assert stage.quiet("apart")
    assert f"[{bodies['apart']}]" not in logs["apart"].read_text()


def test_results_of_failures_can_be_kept_for_another_time(stage):
    with stage.broker.app(7) as app, stage.broker.client(7) as client:
        app.conf.update(result_expires=60, result_failure_expires=600)
        app.backend.store_result("good", 1, "SUCCESS")
        app.backend.store_result("bad", ValueError("no"), "FAILURE")
        keys = ["celery-task-meta-good", "celery-task-meta-bad"]
        good_s, bad_s = [client.ttl(key) for key in keys]
    assert 0 < good_s <= 60
    assert 500 < bad_s <= 600


def test_one_connection_too_many_for_results_is_an_error_and_not_a_wait(stage):
    with stage.broker.app(7) as app:
        app.conf.redis_max_connections = 1
        app.conf.result_backend_transport_options = {"retry_policy": {"max_retries": 0}}
        in_use = app.backend.client.connection_pool.get_connection()
        with pytest.raises(redis.ConnectionError, match="Too many connections"):
            app.AsyncResult("any").state  # noqa: B018 (it asks)
        app.backend.client.connection_pool.release(in_use)
        assert app.AsyncResult("any").state == "PENDING"


def body_of_members_apart(stage: Stage, worker: str) -> str:
    """Send a chord whose second member ends more than SHORT_S after the first; its body's id."""
    with stage.broker.app(WORKERS[worker][0]) as app:
        members = [
            app.signature(print_ticket.name, (worker, job, seconds), queue=worker)
            for job, seconds in (("first", 0.1), ("second", SHORT_S + 3))
        ]
        body = app.signature(describe.name, queue=worker)
        return chord(members, body, app=app).apply_async().id


def sender_of_chords(stage: Stage, worker: str) -> subprocess.Popen:
    """A program that sends two chords of three, and prints the ids of their bodies."""
    code = CHORD.format(worker=worker, backend=DATABASE.replace("FOLDER", str(stage.folder)))
    environment = lab_environment(stage.folder) | stage.broker.environment(WORKERS[worker][0])
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )


def asked(log: str) -> int:
    """How often the chord that was asked for most often was not complete."""
    return max(Counter(re.findall(r"celery\.chord_unlock\[(\S+)\] retry", log)).values(), default=0)
