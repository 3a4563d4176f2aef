"""`./lab doctor` finds what is wrong with the lab: each case is made for real."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labkit.processes.start import child_environment
from tests.stack.helpers.labs import LEAN, Lab, copy_of_the_tree, wait_until
from tests.stack.helpers.patient import patient

__all__ = ["patient"]


@pytest.fixture
def old_lab(tmp_path: Path) -> Iterator[Lab]:
    """A running lab of one worker, in a copy of the tree that it does not watch."""
    lab = Lab(tmp_path / "home", root=copy_of_the_tree(tmp_path / "copy"))
    yield lab.up(*LEAN)
    lab.clean_up()


def save_later(file: Path, old: str, new: str) -> None:
    """Change a file as if it were saved some seconds from now: long after the worker's start."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    later = time.time() + 5
    os.utime(file, (later, later))


def test_a_lab_that_is_up_is_well(lab):
    lab.up("--no-beat", "--no-flower", "--no-web", "--no-mail")
    answer = lab.run("doctor", "--wait=30")
    assert answer.returncode == 0, answer.stdout
    assert "wrong" not in answer.stdout
    assert answer.stdout.count("ok  ") == 4
    assert (
        "?      no Beat answered: if none runs, nothing of beat_schedule is sent" in answer.stdout
    )


def test_nothing_is_up(lab):
    answer = lab.run("doctor", "--wait=30", REDIS_URL="redis://127.0.0.1:1/0")
    assert answer.returncode == 1
    assert "wrong  no broker answers at redis://127.0.0.1:1/0" in answer.stdout
    assert "hint: unset REDIS_URL; ./lab up" in answer.stdout


def test_a_database_of_somebody_else_is_named_and_left_alone(patient):
    patient.client.flushdb()
    patient.client.set("customer:1", "Ada")
    answer = patient.doctor(code=1)
    assert "holds somebody else's data, and the lab leaves it alone" in answer.text
    assert patient.client.keys() == ["customer:1"]


def test_a_wrong_password_is_named(patient):
    answer = patient.doctor(REDIS_URL=patient.url.replace("redis://:", "redis://:not"), code=1)
    assert "refuses this password" in answer.text


def test_a_broker_file_of_a_killed_lab_is_named(lab):
    lab.home.mkdir()
    left = {"url": "redis://:old@127.0.0.1:1/0", "run_id": "old"}
    (lab.home / "broker").write_text(json.dumps(left))
    answer = lab.run("doctor", "--wait=30")
    assert answer.returncode == 1
    assert "broker is left from a lab that no longer runs" in answer.stdout
    assert "hint: ./lab down; ./lab up" in answer.stdout
    assert "old@" not in answer.stdout


def test_a_missing_worker_is_named_with_the_messages_that_wait_for_it(patient):
    patient.send("add", 1, 1)
    patient.send("add", 1, 1)
    answer = patient.doctor(code=1)
    assert "no worker is connected, and 2 messages wait for one" in answer.text


def test_a_queue_that_nobody_takes_from_is_named(patient):
    with patient.worker("taker"):
        patient.send("add", 1, 1, queue="advanced")
        patient.send("add", 1, 1, queue="bascic", priority=9)
        answer = patient.doctor(code=1)
    assert "1 message waits in the queue 'advanced', and no worker takes from it\n" in answer.text
    assert "hint: ./start_worker.sh --queues=advanced -n advanced@%h" in answer.text
    assert "queue 'bascic', and no worker takes from it; did you mean 'basic'?" in answer.text
    assert "hint: ./lab move bascic basic\n" in answer.text


def test_a_server_that_may_drop_messages_or_keeps_nothing_on_disk_is_named(patient):
    patient.client.config_set("maxmemory-policy", "allkeys-lru")
    patient.client.config_set("appendonly", "no")
    answer = patient.doctor(code=1)
    assert "maxmemory-policy is allkeys-lru" in answer.text
    assert "the server keeps nothing on disk (neither AOF nor RDB)" in answer.text
    patient.client.config_set("save", "3600 1")  # snapshots are something
    assert "on disk" not in patient.doctor().text


def test_a_worker_older_than_the_code_is_named_also_for_a_task_that_it_has_done(old_lab):
    save_later(old_lab.root / "tasks/basic_tasks.py", "return x + y", "return x + y")
    assert old_lab.run("doctor", "--wait=30").returncode == 0  # a file that was touched is no other
    save_later(old_lab.root / "tasks/basic_tasks.py", "return x + y", "return x - y")
    answer = old_lab.run("doctor", "--wait=30")
    assert answer.returncode == 1
    assert "lab1@" in answer.stdout
    assert "is older than tasks/basic_tasks.py: it runs the code as it was" in answer.stdout
    code = "from tasks.basic_tasks import add; r = add.delay(5, 4); r.get(timeout=10); print(r.id)"
    answer = old_lab.run("doctor", "--wait=30", old_lab.python(code))
    assert answer.returncode == 1
    assert "the result is 9" in answer.stdout
    assert "is older than tasks/basic_tasks.py" in answer.stdout


@contextmanager
def worker_by_hand(lab: Lab) -> Iterator[None]:
    """A worker that somebody typed in a second terminal."""
    log = lab.home.parent / "hand.log"
    environment = lab.environment | {"PATH": child_environment()["PATH"]}
    line = ["./start_worker.sh", "-n", "hand@%h"]
    with log.open("w") as output:
        process = subprocess.Popen(
            line, cwd=lab.root, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "ready." in log.read_text(), 30, "the worker is ready")
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_worker_started_by_hand_is_named_when_it_is_older_than_the_code(old_lab):
    with worker_by_hand(old_lab):
        save_later(old_lab.root / "work/text.py", '"""', '"""Changed.  ')
        answer = old_lab.run("doctor", "--wait=30")
    assert answer.returncode == 1
    assert "hand@" in answer.stdout
    assert answer.stdout.count("is older than work/text.py") == 2


def test_a_task_module_or_an_app_that_cannot_be_imported_is_named_with_its_line(old_lab):
    save_later(old_lab.root / "tasks/playground.py", '"""', 'def oops(:\n"""')
    answer = old_lab.run("doctor", "--wait=30")
    assert answer.returncode == 1
    assert "the tasks cannot be imported: tasks/playground.py line 1: SyntaxError" in answer.stdout
    assert "lab1@" in answer.stdout
    save_later(old_lab.root / "celery_app.py", "import sys", "import sys, nothing_of_this_name")
    answer = old_lab.run("doctor", "--wait=30")
    assert answer.returncode == 1
    assert "celery_app.py line" in answer.stdout
    assert "No module named 'nothing_of_this_name'" in answer.stdout
    assert "answered, taking from advanced, basic, realworld" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_more_than_one_id_is_a_wrong_use(lab):
    answer = lab.run("doctor", "one", "two")
    assert answer.returncode == 2
    assert answer.stderr.count("hint: ") == 1
