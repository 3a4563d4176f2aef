"""What becomes of messages that a worker holds when it is told to stop, and how long that takes."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from labkit.broker.queues import lengths, unacked_by_queue
from labkit.own.broker import OwnBroker
from labkit.own.workers import WorkerLine, wait_for_ends, workers_of
from tasks.basic_tasks import nap
from tests.stack.helpers.labs import running, wait_until
from tests.stack.helpers.stored import stored_result, stored_status

END_S = 60  # they end after 1 s and 7 s
SOFT_S = 6
RUN_S = 8  # longer than a busy machine needs until the signals are sent
SOFT = f"worker.soft_shutdown_timeout={SOFT_S}"
ON_IDLE = "worker.enable_soft_shutdown_on_idle=True"
SAYS = "Initiating Soft Shutdown"


@pytest.fixture
def broker(tmp_path, monkeypatch) -> Iterator[OwnBroker]:
    """A broker of the test's own; its workers log below LAB_HOME."""
    monkeypatch.setattr("labkit.own.program.LAB_HOME", tmp_path)
    one = OwnBroker(tmp_path / "broker")
    with running(one):
        yield one


def test_a_message_with_a_countdown_goes_back_without_a_soft_shutdown_on_idle(broker):
    settings = {"plain": [SOFT], "on-idle": [SOFT, ON_IDLE], "on-idle-empty": [SOFT, ON_IDLE]}
    lines = [
        WorkerLine(name, [name], ["--concurrency=1"], setting, broker.environment(), show=False)
        for name, setting in settings.items()
    ]
    holding = ["plain", "on-idle"]
    with workers_of(lines) as workers, broker.client() as client, broker.app() as app:
        for queue in holding:
            app.send_task(nap.name, (0,), countdown=600, queue=queue, ignore_result=True)
        wait_until(lambda: unacked_by_queue(client) == dict.fromkeys(holding, 1), what="both held")
        start = time.time()
        for worker in workers:
            worker.process.send_signal(signal.SIGQUIT)
        took_s = dict(zip(settings, wait_for_ends(workers, END_S), strict=True))
        logs = {name: one.log.read_text() for name, one in zip(settings, workers, strict=True)}
        back = {queue: sum(one.values()) for queue, one in lengths(client, holding).items()}
    assert back == dict.fromkeys(holding, 1)
    assert [SAYS in logs[name] for name in settings] == [False, True, True]
    assert min(took_s["on-idle"], took_s["on-idle-empty"]) - start >= SOFT_S


def test_term_to_the_whole_group_fails_what_runs_and_gives_back_what_waits(broker):
    # One slot each: the first runs, the second waits.  Late acknowledgement does not help.
    signals = {"term": signal.SIGTERM, "int": signal.SIGINT}
    line = partial(WorkerLine, environment=broker.environment(), show=False)
    options = (["--concurrency=1"], ["task.acks_late=True"])
    lines = [line(name, [name], *options) for name in signals]
    with workers_of(lines) as workers, broker.client() as client, broker.app() as app:
        running = {name: app.send_task(nap.name, (RUN_S,), queue=name) for name in signals}
        for name in signals:
            app.send_task(nap.name, (RUN_S,), queue=name)
        ids = [task.id for task in running.values()]
        wait_until(
            lambda: {stored_status(client, one) for one in ids} == {"STARTED"}, what="they run"
        )
        wait_until(lambda: unacked_by_queue(client) == dict.fromkeys(signals, 2), what="two taken")
        for worker, number in zip(workers, signals.values(), strict=True):
            os.killpg(worker.process.pid, number)
        wait_for_ends(workers, END_S)
        stored = {name: stored_result(client, task.id) for name, task in running.items()}
        back = {queue: sum(one.values()) for queue, one in lengths(client, signals).items()}
    assert back == dict.fromkeys(signals, 1)
    assert [one and one.status for one in stored.values()] == ["FAILURE", "SUCCESS"]
    assert "signal 15 (SIGTERM)" in str(stored["term"])


def test_quit_gives_back_what_a_process_runs_and_waits_for_what_a_thread_runs(broker):
    # One slot each: the first runs, the second waits.
    pools = ("prefork", "threads")
    line = partial(WorkerLine, environment=broker.environment(), show=False)
    options = {pool: ["--concurrency=1", f"--pool={pool}"] for pool in pools}
    lines = [line(pool, [pool], options[pool], ["task.acks_late=True"]) for pool in pools]
    with workers_of(lines) as workers, broker.client() as client, broker.app() as app:
        runs = {pool: app.send_task(nap.name, (RUN_S,), queue=pool).id for pool in pools}
        for pool in pools:
            app.send_task(nap.name, (RUN_S,), queue=pool)
        wait_until(
            lambda: {stored_status(client, one) for one in runs.values()} == {"STARTED"},
            what="they run",
        )
        wait_until(lambda: unacked_by_queue(client) == dict.fromkeys(pools, 2), what="two taken")
        for worker in workers:
            worker.process.send_signal(signal.SIGQUIT)
        wait_for_ends(workers, END_S)
        states = [stored_status(client, task_id) for task_id in runs.values()]
        back = {queue: sum(one.values()) for queue, one in lengths(client, pools).items()}
    assert back == {"prefork": 2, "threads": 1}
    assert states == ["STARTED", "SUCCESS"]
