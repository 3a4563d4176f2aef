"""A lesson that ends early, or was changed, leaves no message in queues of its own."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.broker.check import client_for
from labkit.broker.queues import lengths, unacked_by_queue
from labkit.own.left_behind import own_queues_among, remove_messages, remove_old_files
from tests.stack.helpers.labs import LEAN, ROOT, Lab, wait_until

LESSON = '''"""Left behind: a lesson for this test."""

import signal

from labkit.lesson import claim, run_lesson
from labkit.broker.check import client_for
from labkit.broker.queues import unacked_by_queue
from labkit.own.workers import own_worker
from lab_home import REDIS_URL
from tasks.basic_tasks import add, nap


def main() -> None:
    firsts = [add.apply_async((number, 1), queue="lesson99") for number in range(3)]
    add.apply_async((3, 1), queue="lesson99.other", priority=9)
    print("sent", flush=True)
{rest}


if __name__ == "__main__":
    run_lesson(main, queues=[])
'''
WAIT = "    signal.pause()"
KILLED_WORKER = """    with own_worker("lesson99", ["lesson99.slow"], "--concurrency=1") as worker:
        for number in range(8):
            nap.apply_async((30,), queue="lesson99.slow")
        with client_for(REDIS_URL) as client:
            while not unacked_by_queue(client):
                pass
        worker.kill()"""
WORKER = """    with own_worker("lesson99", ["lesson99", "lesson99.other"]):
        last = add.apply_async((4, 1), queue="lesson99.other", priority=9)
        print(last.get(timeout=30))
        claim(all(one.get(timeout=30) for one in firsts), "all came")"""
END_OF_THE_BROKER = """    with client_for(REDIS_URL) as client:
        client.shutdown(nosave=True)
    raise RuntimeError("the broker is gone")"""
REMOVED = "removed 4 messages that this run left in lesson99, lesson99.other\n"
SEND = "from tasks.basic_tasks import add; print(add.apply_async((1, 1), queue='lesson99').id)"


def start(lab: Lab, folder: Path, rest: str, **changes: str) -> subprocess.Popen:
    script = folder / "99_left.py"
    script.write_text(LESSON.replace("{rest}", rest))
    return subprocess.Popen(
        [sys.executable, script],
        cwd="/",
        env=lab.environment | {"PYTHONPATH": str(ROOT)} | changes,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def client(lean_lab):
    """A client of the shared broker, whose queues of lesson 99 are gone afterwards."""
    url = lean_lab.python("from lab_home import REDIS_URL; print(REDIS_URL)")
    with client_for(url) as one:
        yield one
        for key in one.keys("lesson99*"):
            one.delete(key)


def waiting(client) -> int:
    counts = lengths(client, ["lesson99", "lesson99.other", "lesson99.slow"])
    return sum(sum(by_priority.values()) for by_priority in counts.values())


@pytest.mark.parametrize(
    ("rest", "exit_code"),
    [
        ("    claim(False, 'all is well')", 1),
        ("    raise RuntimeError('a mistake')", 1),
        ("    print('the learner waits for nothing')", 0),
    ],
)
def test_what_a_lesson_has_sent_goes_and_another_runs_message_stays(
    lean_lab, client, tmp_path, rest, exit_code
):
    another = lean_lab.python(SEND)
    process = start(lean_lab, tmp_path, rest)
    _, told = process.communicate(timeout=60)
    assert process.returncode == exit_code, told
    assert told.count(REMOVED) == 1, told
    assert waiting(client) == 1
    assert another in client.lindex("lesson99", 0)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_message(lean_lab, client, tmp_path, number, exit_code):
    process = start(lean_lab, tmp_path, WAIT)
    wait_until(lambda: waiting(client) == 4, 60, "all was sent")
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == exit_code, told
    assert told.endswith(REMOVED), told
    assert waiting(client) == 0


def test_what_a_killed_worker_of_its_own_held_goes_too(lean_lab, client, tmp_path):
    process = start(lean_lab, tmp_path, KILLED_WORKER)
    _, told = process.communicate(timeout=90)
    assert process.returncode == 0, told
    # Of the 8 the worker may have acknowledged the one that it had begun.
    assert re.search(r"removed 1[12] messages that .* lesson99.other, lesson99.slow\n", told), told
    assert waiting(client) == 0
    assert "lesson99.slow" not in (unacked_by_queue(client) or {})


def test_without_a_broker_nothing_is_said(lab, tmp_path):
    lab.up("--workers", "0", *LEAN)
    process = start(lab, tmp_path, END_OF_THE_BROKER)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "removed" not in told
    assert "error: no broker answers at" in told


def test_a_lesson_whose_messages_were_all_taken_says_nothing(lean_lab, client, tmp_path):
    process = start(lean_lab, tmp_path, WORKER)
    _, told = process.communicate(timeout=90)
    assert process.returncode == 0, told
    assert "removed" not in told


def test_what_the_tasks_of_a_run_have_called_is_its_own(lean_lab, client):
    code = (
        "from tasks.basic_tasks import add; add.apply_async((1, 1), queue='lesson99', root_id='a')"
    )
    lean_lab.python(code)
    lean_lab.python(SEND)
    assert remove_messages(client, "lesson99", ["a"]) == 1
    assert client.llen("lesson99") == 1


def test_messages_between_those_of_others_are_found_in_a_long_list(lean_lab, client):
    code = "from tasks.basic_tasks import add; "
    code += "[add.apply_async((1, 1), queue='lesson99', task_id=f'{i % 3}') for i in range(1600)]"
    lean_lab.python(code)
    client.lpush("lesson99", "no message")
    assert remove_messages(client, "lesson99", ["1"]) == 533
    assert client.llen("lesson99") == 1068


def test_a_queue_is_a_lessons_own_by_its_name():
    queues = ["basic", "lesson09", "lesson09.slow", "lesson09-b", "lesson091", "lesson10"]
    assert own_queues_among("09", queues) == ["lesson09", "lesson09-b", "lesson09.slow"]
    assert own_queues_among("playground", queues) == []


def test_files_of_killed_runs_go_after_an_hour_and_no_others(tmp_path, monkeypatch):
    now = time.time_ns()
    old = now - 2 * 3600 * 10**9
    gone = [f"ledgers/lesson99-{old}-retry.jsonl", f"charges/lesson99-{old}-a.sqlite-wal"]
    stay = [
        f"ledgers/lesson99-{now}-retry.jsonl",  # another lab may write it
        f"ledgers/lesson9-{old}-retry.jsonl",
        "ledgers/lesson99-mine.jsonl",
        f"ledgers/lesson999-{old}-a.jsonl",
    ]
    folder = tmp_path / f"lesson99-{old}-out"
    for name in [*gone, *stay, folder.name + "/a.txt"]:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    monkeypatch.setattr("labkit.own.left_behind.LAB_FILES", tmp_path)
    remove_old_files("99")
    assert sorted(str(one.relative_to(tmp_path)) for one in tmp_path.glob("*/*")) == sorted(stay)
    assert not folder.exists()
