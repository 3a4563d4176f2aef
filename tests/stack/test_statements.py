"""Sentences of the basic lessons, the chapter on control and docs/troubleshooting.md, tried out."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from celery import Celery
from celery.result import AsyncResult
from kombu import Queue

from labkit.broker.queues import find_unacked
from labkit.own.broker import own_broker
from labkit.own.workers import Worker, own_worker
from tests.course.test_statements import TROUBLES
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import Patient, ward
from tests.stack.helpers.stored import stored_result, stored_status

__all__ = ["ward"]

ASK_S = 10  # for an answer that comes in milliseconds
SLOWLY = "1/m"  # of a rate limit: the second task would start after a minute
SOON_S = 50  # less than that minute
FULL = "100kb"  # of maxmemory: an empty server uses more


def ask(patient: Patient, worker: Worker, question: str, *arguments: object):
    """The answer of one worker to `celery inspect QUESTION`."""
    inspect = patient.app.control.inspect([worker.name], timeout=ASK_S, limit=1)
    return getattr(inspect, question)(*arguments)[worker.name]


def waits_for_its_retry(patient: Patient) -> AsyncResult:
    """A task that has failed once and waits for its second attempt inside a worker."""
    result = patient.send("ask_until_ready", 9, 30)
    patient.wait_for_state(result, "RETRY")
    return result


# -- States ----------------------------------------------------------------------------------


def test_a_task_that_waits_for_its_retry_can_be_called_off(ward):
    result = waits_for_its_retry(ward)
    ward.app.control.revoke(result.id)
    ward.wait_for_state(result, "REVOKED")


def test_a_running_task_can_be_terminated_and_is_revoked_then(ward):
    result = ward.send("nap", 60)
    ward.wait_for_state(result, "STARTED")
    ward.app.control.revoke(result.id, terminate=True)
    ward.wait_for_state(result, "REVOKED")


def test_query_task_can_miss_a_task_that_waits_for_its_retry_and_scheduled_does_not(ward):
    def missed() -> bool:
        result = waits_for_its_retry(ward)
        scheduled = ask(ward, ward.shared_worker, "scheduled")
        assert result.id in [one["request"]["id"] for one in scheduled]
        return not ask(ward, ward.shared_worker, "query_task", result.id)

    assert any(missed() for _ in range(5))


# -- What Flower can know --------------------------------------------------------------------


def test_a_caller_tells_what_it_sends_only_where_the_setting_is_on(ward):
    channel = "/0.celeryev/task.sent"
    with (
        Celery(broker=ward.url, set_as_current=False) as telling,
        ward.client.pubsub(ignore_subscribe_messages=True) as listener,
    ):
        telling.conf.task_send_sent_event = True
        listener.subscribe(channel)
        wait_until(lambda: ward.client.pubsub_numsub(channel)[0][1])
        ward.send("add", 1, 2)  # Celery's default: nobody is told
        told = telling.send_task("tasks.basic_tasks.add", (1, 2), queue="basic")
        heard = next(listener.listen())
    first = json.loads(base64.b64decode(json.loads(heard["data"])["body"]))
    assert first["uuid"] == told.id


# -- A rate limit that is lifted -------------------------------------------------------------


def test_a_lifted_rate_limit_is_not_lifted_for_what_a_worker_holds_but_a_restart_frees_it(ward):
    """The first one starts at once, the others a minute apart: that is the limit."""
    with own_worker(
        "slow", ["slow"], "--concurrency=1", environment=ward.environment, show=False
    ) as worker:
        limit = {"destination": [worker.name], "reply": True, "timeout": ASK_S, "limit": 1}
        assert ward.app.control.rate_limit("tasks.basic_tasks.greet", SLOWLY, **limit)
        first, *held = [ward.send("greet", f"{n}", queue="slow") for n in range(3)]
        ward.wait_for_state(first, "SUCCESS")
        for one in held:
            ward.wait_until_taken(one)
        assert ward.app.control.rate_limit("tasks.basic_tasks.greet", 0, **limit)
        later = ward.send("greet", "later", queue="slow")
        ward.wait_for_state(later, "SUCCESS")
        assert [stored_status(ward.client, one.id) for one in held] == ["", ""]
    assert ward.client.llen("slow") == len(held)  # a warm stop has put them back
    with own_worker("slow", ["slow"], "--concurrency=1", environment=ward.environment, show=False):
        start = time.monotonic()
        for one in held:
            ward.wait_for_state(one, "SUCCESS")
        assert time.monotonic() - start < SOON_S


# -- A worker that is stopped, or ends -------------------------------------------------------


def test_a_stopped_worker_does_not_answer_and_goes_on_where_it_was(ward):
    process = psutil.Process(ward.shared_worker.process.pid)
    process.suspend()
    try:
        ps = ["ps", "-o", "stat=", "-p", f"{process.pid}"]
        wait_until(lambda: subprocess.check_output(ps, text=True).startswith("T"), what="T")
        assert ward.app.control.ping([ward.shared_worker.name], timeout=1) == []
        result = ward.send("add", 1, 2)
    finally:
        process.resume()
    ward.wait_for_state(result, "SUCCESS")


def end_of(worker: Worker, error: str) -> int:
    """The exit code of a worker that ends by itself, with this error in its log and on the page."""
    code = worker.process.wait(60)
    log = worker.log.read_text()
    assert "Unrecoverable error" in log
    assert error in log
    assert error in TROUBLES
    return code


def test_a_message_that_ends_a_worker_goes_back_and_a_line_that_is_no_message_is_gone(ward):
    with ward.worker("first", "--concurrency=1", queue="bad") as worker:
        ward.send("add", 1, 2, queue="bad", eta="")  # Celery takes it, and cannot read it
        assert end_of(worker, "AttributeError") == 1
    assert ward.client.llen("bad") == 1
    assert ward.client.renamenx("bad", "bad-aside")  # so that the next worker lives
    with ward.worker("second", "--concurrency=1", queue="bad") as worker:
        ward.wait_for_state(ward.send("add", 1, 2, queue="bad"), "SUCCESS")
        ward.client.lpush("bad", "no message")
        assert end_of(worker, "JSONDecodeError") == 1
    assert not ward.client.exists("bad")
    assert ward.client.llen("bad-aside") == 1


def test_a_message_that_kills_each_process_is_stopped_by_a_revoke(ward):
    lost = ["task.acks_late=True", "task.reject_on_worker_lost=True"]
    with ward.worker("deadly", "--concurrency=1", queue="deadly", settings=lost) as worker:
        result = ward.send("nap", 60, queue="deadly")
        seen: dict[int, bool] = {}  # process: has the message been delivered before?

        def runs_again() -> bool:
            for one in ask(ward, worker, "active"):
                if one["worker_pid"] not in seen:
                    seen[one["worker_pid"]] = one["delivery_info"]["redelivered"]
                    return True
            return False

        for _ in range(2):
            wait_until(runs_again, 60)
            psutil.Process(list(seen)[-1]).kill()
        wait_until(runs_again, 60)
        assert list(seen.values()) == [False, True, True]
        ward.app.control.revoke(result.id, destination=[worker.name], reply=True, timeout=ASK_S)
        assert stored_status(ward.client, result.id) == "STARTED"
        psutil.Process(list(seen)[-1]).kill()
        ward.wait_for_state(result, "REVOKED")
        wait_until(lambda: not find_unacked(ward.client, result.id).found, what="thrown away")
        assert not ward.client.exists("deadly")


# -- A server that takes no writes -----------------------------------------------------------


@contextmanager
def idle_worker(url: str, folder: Path) -> Iterator[Worker]:
    """A worker that holds nothing, on a server of the test's own."""
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr("labkit.own.program.LAB_HOME", folder)
        with own_worker(
            "idle", ["idle"], "--concurrency=1", environment={"REDIS_URL": url}, show=False
        ) as worker:
            yield worker


def test_an_idle_worker_ends_when_its_redis_becomes_a_replica(redis_server, tmp_path):
    url = redis_server()
    with idle_worker(url, tmp_path) as worker, redis.Redis.from_url(url) as client:
        client.replicaof("127.0.0.1", 1)
        assert end_of(worker, "(master -> replica?)") == 1


def test_an_idle_worker_ends_when_its_redis_cannot_save(redis_server, tmp_path):
    url = redis_server()
    (tmp_path / "dump.rdb").mkdir()  # as if the disk took no file
    with idle_worker(url, tmp_path) as worker, redis.Redis.from_url(url) as client:
        client.config_set("save", "3600 1")
        client.bgsave()
        assert end_of(worker, "MISCONF") == 1
        client.config_set("save", "")  # or it would not end


def test_a_full_redis_ends_a_worker_that_has_work_and_takes_no_result(redis_server, tmp_path):
    url = redis_server()
    with (
        idle_worker(url, tmp_path) as worker,
        redis.Redis.from_url(url) as client,
        Celery(broker=url, set_as_current=False) as app,
    ):
        naps = [app.send_task("tasks.basic_tasks.nap", (2,), queue="idle") for _ in range(8)]
        wait_until(lambda: stored_result(client, naps[0].id), what="STARTED")
        client.config_set("maxmemory", FULL)
        assert end_of(worker, "command not allowed when used memory > 'maxmemory'") == 1
        assert stored_status(client, naps[0].id) == "STARTED"


def test_an_idle_worker_reconnects_when_its_redis_is_restarted(tmp_path, monkeypatch):
    monkeypatch.setattr("labkit.own.broker.LAB_HOME", tmp_path)
    with own_broker("again") as broker, idle_worker(broker.address(), tmp_path) as worker:
        broker.stop()
        wait_until(lambda: "Connection to broker lost" in worker.log.read_text(), 60)
        broker.restart()
        result = broker.app().send_task("tasks.basic_tasks.add", (1, 2), queue="idle")
        assert result.get(timeout=60) == 3
        assert worker.process.poll() is None


# -- A queue that was emptied ----------------------------------------------------------------


def test_purge_and_flush_reach_what_waits_and_not_what_a_worker_holds(ward):
    waiting = ward.send("add", 1, 2, queue="advanced")  # nobody takes from it here
    held = ward.send("add", 1, 2, countdown=600)
    ward.wait_until_taken(held)
    with Celery(broker=ward.url, set_as_current=False) as purging:
        purging.conf.task_queues = [Queue("basic"), Queue("advanced")]
        assert purging.control.purge() == 1
    assert find_unacked(ward.client, held.id).found
    soon = ward.send("add", 1, 2, countdown=3)
    ward.wait_until_taken(soon)
    ward.client.flushdb()  # our own server
    assert not ward.client.exists("unacked", "advanced")
    ward.wait_for_state(soon, "SUCCESS")
    assert held.id in [one["request"]["id"] for one in ask(ward, ward.shared_worker, "scheduled")]
    assert stored_status(ward.client, waiting.id) == ""
