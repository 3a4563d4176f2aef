"""What `./lab doctor` says about the workers and Beats themselves: each case is made for real."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from labkit.broker.check import client_for
from labkit.broker.queues import listeners, unacked_count
from labkit.broker.workers import Workers, ask_workers
from labkit.doctor.clocks import clocks_ahead
from labkit.doctor.local_processes import stopped_nodes
from labkit.doctor.taken import Taken, look_at_taken, taken_findings
from labkit.own.beat import Beat
from labkit.own.program import started
from labkit.own.workers import Worker, WorkerLine, workers_of
from tests.stack.helpers.labs import stopped, wait_until
from tests.stack.helpers.patient import LONG_S, Answer, Patient, ward

__all__ = ["ward"]

AHEAD_S = 600  # of a worker's clock
OTHER_CLOCK = f"""
import time
real = time.time
time.time = lambda: real() + {AHEAD_S}
"""
OTHER_ZONE = """
from celery_app import app
app.conf.timezone = "Asia/Shanghai"
"""


def stray_line(folder: Path) -> list[str]:
    """The line of a worker with another clock and another time zone; both are in `folder`."""
    (folder / "sitecustomize.py").write_text(OTHER_CLOCK)
    (folder / "stray_app.py").write_text(OTHER_ZONE)
    options = "worker --loglevel=info --queues=stray --concurrency=1 --hostname=stray@%h"
    # With gossip it would listen to events, and reconnect at one that cannot be read.
    options += " --without-gossip"
    return [sys.executable, "-m", "celery", "-A", "stray_app", *options.split(" ")]


def beat_line(folder: Path, name: str) -> list[str]:
    """The line of a Beat that does not know of another one: it has files of its own."""
    return ["./start_beat.sh", f"--pidfile={folder / name}.pid", f"--schedule={folder / name}"]


@pytest.fixture(scope="module")
def crowd(ward: Patient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Beside the ward's worker: two of one name, a stray one, two Beats, and a dead one's work.

    They start side by side.
    """
    folder, here = tmp_path_factory.mktemp("crowd"), ward.environment
    elsewhere = here | {"PYTHONPATH": str(folder)}
    lines = [
        WorkerLine(name, queues, ["--concurrency=1"], environment=here, show=False)
        for name, *queues in [
            ("dead", "orphans"),
            ("twin", "twins", "first"),
            ("twin", "twins", "second"),
        ]
    ]
    with (
        started(Worker, "stray", stray_line(folder), elsewhere, show=False) as stray,
        started(Beat, "one", beat_line(folder, "one"), here, show=False) as one,
        started(Beat, "two", beat_line(folder, "two"), here, show=False) as two,
        workers_of(lines) as (dead, *twins),
    ):
        for _ in range(3):
            ward.send("nap", LONG_S, queue="orphans")
        wait_until(
            lambda: not ward.client.llen("orphans") and unacked_count(ward.client) == 2,
            what="one runs, two are reserved",
        )
        dead.kill()
        # From a queue of both, one of them could take both naps.
        for nap in [ward.send("nap", LONG_S, queue=queue) for queue in ("first", "second")]:
            ward.wait_for_state(nap, "STARTED")
        stray.wait_until_it_answers(["stray"], ward.url)
        for beat in (one, two):
            beat.wait_until_ready("beat pidbox: Connected")
        yield ward
        for worker in (stray, *twins):
            worker.kill()


@pytest.fixture(scope="module")
def findings(crowd: Patient) -> Answer:
    """What the doctor says of all that; on a busy machine it is asked again, as it advises."""
    for _ in range(5):
        answer = crowd.doctor(wait_s=60)
        if "cannot know" not in answer.text and "did not answer" not in answer.text:
            break
    return answer


def test_two_workers_of_one_name_are_named(findings):
    assert findings.code == 1
    assert "wrong  2 workers are called twin@" in findings.text
    assert "hint: ./start_worker.sh -n second@%h\n" in findings.text


def test_what_two_workers_of_one_name_have_is_put_together(crowd):
    workers = ask_workers(crowd.app, crowd.client)
    [both] = [worker for worker in workers.answered if worker.name.startswith("twin@")]
    assert workers.doubled == {both.name: 2}
    assert both.slots == 2
    assert len({task["worker_pid"] for task in both.active}) == 2
    for task in both.active:
        assert "running in twin@" in crowd.doctor(task["id"], code=0).text


def test_a_celery_inspect_of_two_workers_of_one_name_keeps_both_answers(crowd, recwarn):
    workers = ask_workers(crowd.app, crowd.client)
    [name] = workers.doubled
    for _ in range(2):
        crowd.send("add", 1, 1, queue="twins", countdown=LONG_S)
    wait_until(
        lambda: len(workers.inspect(crowd.app).scheduled()[name]) == 2,
        what="the two tasks that wait for their time are listed",
    )
    assert not recwarn.list


def test_messages_that_a_dead_worker_took_are_counted_with_the_time_of_their_return(findings):
    found = "wrong  2 messages of the queue 'orphans' were taken (the first at "
    assert found in findings.text
    line = findings.text.partition(found)[2].partition("\n")[0]
    assert (
        "no worker that answers has them; if the one that took them has ended, they go back" in line
    )
    assert (
        "(visibility_timeout is 1 h 0 min; workers look for such messages every 1 min 40 s" in line
    )
    assert "hint: ./start_worker.sh --queues=orphans -n orphans@%h" in findings.text


def test_a_worker_whose_clock_differs_is_named(findings):
    assert "wrong  the clock of stray@" in findings.text
    assert re.search(r"is at least (10 min 0|9 min \d+) s ahead of the clock here", findings.text)
    assert "the clock of ward@" not in findings.text


def test_a_worker_of_another_time_zone_is_named(findings):
    assert "wrong  the timezone of stray@" in findings.text
    assert "is Asia/Shanghai, and here celery_app.py says UTC" in findings.text


def test_a_time_without_a_zone_is_read_in_the_zone_of_the_worker(crowd):
    later = datetime.now(UTC) + timedelta(days=1)
    crowd.send("add", 1, 1, queue="stray", eta=later.replace(tzinfo=None))
    workers = ask_workers(crowd.app, crowd.client)
    [name] = [one.name for one in workers.answered if one.name.startswith("stray@")]
    wait_until(lambda: workers.inspect(crowd.app).scheduled()[name], what="the worker has it")
    [entry] = workers.inspect(crowd.app).scheduled()[name]
    assert entry["eta"].endswith("+08:00")


def test_what_is_no_heartbeat_tells_no_time(crowd, monkeypatch):
    broadcast = crowd.app.control.broadcast

    def disturbed(*arguments) -> None:
        for text in ("garbage", '{"body": "e30="}', "[]"):
            crowd.client.publish("/0.celeryev/worker.heartbeat", text)
        broadcast(*arguments)

    monkeypatch.setattr(crowd.app.control, "broadcast", disturbed)
    assert clocks_ahead(crowd.app, crowd.client, count=3)


def test_two_beats_are_named(findings):
    assert "wrong  2 Beats answered (celerybeat@" in findings.text


def test_a_celery_inspect_ping_names_two_beats_of_one_machine_twice(crowd):
    ping = ["-m", "celery", "-A", "celery_app", "inspect", "ping"]
    wait_until(lambda: crowd.run(*ping).text.count("celerybeat@") == 2, 60)


def test_a_stopped_worker_is_named_with_what_lets_it_go_on(ward):
    pid = ward.shared_worker.process.pid
    with stopped(pid):
        answer = ward.doctor(wait_s=60, code=1)
    named = f"wrong  process {pid} is connected to this broker and is stopped"
    assert named in answer.text, answer.text
    assert "celery -A celery_app worker" in answer.text
    assert f"hint: kill -CONT {pid}" in answer.text
    assert "did not answer in 1 s" not in answer.text


def test_a_worker_that_connects_meanwhile_hides_no_silent_one(crowd, monkeypatch):
    connected = listeners(crowd.client)
    counts = iter([connected - 1, connected])  # before the question, and after it
    monkeypatch.setattr("labkit.broker.workers.listeners", lambda *_: next(counts))
    with stopped(crowd.shared_worker.process.pid):
        assert ask_workers(crowd.app, crowd.client).silent


def test_a_worker_that_is_stopped_with_its_pool_goes_on_with_it(ward):
    pool = [one.pid for one in psutil.Process(ward.shared_worker.process.pid).children()]
    pids = [ward.shared_worker.process.pid, *pool]
    with stopped(*pids):
        [found] = stopped_nodes(ward.client)
    assert found.pids[0] == pids[0]
    assert set(found.pids) == set(pids)


def test_a_stopped_worker_of_another_database_is_not_named(ward):
    with client_for(f"{ward.url[:-1]}5") as other, stopped(ward.shared_worker.process.pid):
        assert stopped_nodes(other) == []


def looked(patient: Patient) -> tuple[Taken, Workers]:
    workers = ask_workers(patient.app, patient.client)
    taken = look_at_taken(patient.app, patient.client, workers, {})
    assert taken
    return taken, workers


def test_what_a_rate_limit_holds_back_is_not_called_held_by_nobody(ward):
    ward.app.control.rate_limit("tasks.basic_tasks.add", "1/m", reply=True)
    held = [ward.send("add", 1, 1) for _ in range(3)]
    ward.wait_until_taken(held[-1])
    taken, _ = looked(ward)
    assert not {one.message.task_id for one in taken.nobody + taken.unsure} & {
        one.id for one in held
    }
    # What is held goes on at the old pace, and now no worker tells of a limit.
    ward.app.control.rate_limit("tasks.basic_tasks.add", "0", reply=True)
    taken, workers = looked(ward)
    assert held[-1].id in {one.message.task_id for one in taken.unsure}
    [finding] = [one for one in taken_findings(taken, workers) if "'basic'" in one.sentence]
    assert finding.kind == "?"
    assert "a rate limit that was lifted since still holds them back" in finding.sentence
    assert finding.sentence.endswith("what is sent once more may run twice")


def test_tasks_that_only_a_worker_still_has_after_a_flush_are_named(ward):
    waiting = ward.send("add", 1, 1, countdown=LONG_S)
    ward.wait_until_taken(waiting)
    ward.client.delete("unacked", "unacked_index")
    taken, workers = looked(ward)
    sentences = [one.sentence for one in taken_findings(taken, workers)]
    [sentence] = [one for one in sentences if f" in {ward.shared_worker.name}," in one]
    assert sentence.startswith("1 task waits for its time in ward@")
    assert "with no message in Redis (as after FLUSHDB)" in sentence
