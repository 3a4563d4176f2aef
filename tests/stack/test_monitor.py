"""monitor.py as a person and as a program uses it."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab_home import ROOT
from tests.stack.helpers.labs import SOON_S
from tests.stack.helpers.patient import LONG_S, Patient, patient, ward

__all__ = ["patient", "ward"]

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def monitor_task(patient: Patient, task_id: str, timeout_s: float, form: str = "str"):
    task = f"{form}({task_id!r})"
    code = f"from monitor import monitor_task; print(monitor_task({task}, {timeout_s}))"
    return patient.run("-c", f"from celery.result import AsyncResult; {code}")


class Terminal:
    """A terminal of 80 columns and 30 lines in which monitor.py runs."""

    def __init__(self, patient: Patient) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "monitor.py"],
            cwd=ROOT,
            env=patient.environment | {"TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def wait_for(self, *parts: str, timeout_s: float = 30) -> str:
        """Read until one picture holds all of these parts; return that picture."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            for picture in self.text.split("Celery learning lab")[1:]:
                plain = ESCAPES.sub("", picture)
                if all(part in plain for part in parts):
                    return plain
        raise AssertionError(f"no picture with {parts} in:\n{ESCAPES.sub('', self.text)}")

    def end(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


@contextmanager
def terminal(patient: Patient) -> Iterator[Terminal]:
    one = Terminal(patient)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        os.close(one.master)


def test_json_is_one_object_with_queues_workers_and_what_runs(patient):
    with patient.worker("json", "--concurrency=1") as worker:
        result = patient.send("nap", LONG_S)
        patient.wait_for_state(result, "STARTED")
        reserved = patient.send("add", 1, 1)
        patient.wait_until_taken(reserved)
        patient.send("add", 1, 1, queue="advanced", priority=6)
        answer = patient.run("monitor.py", "--json")
    seen = json.loads(answer.text)
    assert answer.code == 0
    assert seen["queues"]["advanced"] == {
        "queued": 1,
        "unacked": 0,
        "by_priority": {"0": 0, "3": 0, "6": 1, "9": 0},
        "workers": [],
    }
    assert seen["queues"]["basic"]["workers"] == [worker.name]
    assert (seen["queues"]["basic"]["unacked"], seen["unacked"]) == (1, 1)
    about = seen["workers"][worker.name]
    assert (about["pool"], about["slots"]) == ("prefork", 1)
    assert (about["active"], about["reserved"], about["done"]) == (1, 1, 0)
    assert [task["id"] for task in seen["running"]] == [result.id]


def test_what_is_printed_once_is_no_wider_than_80_columns(ward):
    result = ward.send("nap", LONG_S)
    ward.wait_for_state(result, "STARTED")
    answer = ward.run("monitor.py", "--once", COLUMNS="80")
    assert answer.code == 0
    assert max(len(line) for line in answer.text.splitlines()) <= 80
    assert ward.shared_worker.name in answer.text
    assert result.id in answer.text
    assert ":***@" in answer.text


def test_the_live_view_shows_a_task_end_and_ctrl_c_ends_it_with_0(patient):
    with patient.worker("live", "--concurrency=2") as worker, terminal(patient) as screen:
        screen.wait_for(worker.name, "task (since")
        result = patient.send("add", 4, 5)
        screen.wait_for("basic_tasks.add", "SUCCESS", result.id)
        assert screen.end() == 0
    assert "Traceback" not in screen.text


def test_the_live_view_says_that_the_broker_is_gone_and_does_not_end(patient):
    with terminal(patient) as screen:
        screen.wait_for("no worker is connected")
        patient.broker.stop()
        screen.wait_for("no broker answers at redis://:***@127.0.0.1")
        assert screen.process.poll() is None
        assert screen.end() == 0


def test_a_task_is_followed_to_its_end(ward):
    result = ward.send("word_counts_of_all", ["a", "b"], 2)
    answer = monitor_task(ward, result.id, 30)
    lines = [line.split(maxsplit=3)[2:] for line in answer.text.splitlines()[:-1]]
    assert answer.text.splitlines()[-1] == "SUCCESS"
    assert lines[-2] == ["PROGRESS", "{'done': 2, 'total': 2}"]
    assert lines[-1] == ["SUCCESS", "{'a': 1, 'b': 1}"]


def test_what_delay_returned_is_followed_to_its_error(ward):
    answer = monitor_task(ward, ward.send("divide", 1, 0).id, 30, "AsyncResult")
    assert "FAILURE   ZeroDivisionError: division by zero" in answer.text


def test_after_5_s_without_any_state_the_doctor_says_why(patient):
    result = patient.send("add", 1, 1, queue="bascic")
    answer = monitor_task(patient, result.id, 6)
    assert re.fullmatch(r" +\d+\.\d s  PENDING", answer.text.splitlines()[0])
    assert "no worker takes from this queue; did you mean 'basic'?" in answer.text
    assert "not ended after 6 s; ask again: ./lab doctor " + result.id in answer.text
    assert answer.text.splitlines()[-1] == "PENDING"


def test_queue_lengths_and_worker_stats_are_plain_dictionaries(patient):
    patient.send("add", 1, 1, queue="advanced")
    code = "import monitor; print(monitor.get_queue_lengths()); print(monitor.get_worker_stats())"
    with patient.worker("stats", "--concurrency=3") as worker:
        answer = patient.run("-c", code)
    assert "{'basic': 0, 'advanced': 1, 'realworld': 0}" in answer.text
    assert f"{{'{worker.name}': {{'pid': " in answer.text
    assert "'pool': 'prefork', 'slots': 3, 'queues': ['basic'], 'active': 0" in answer.text


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--once"]])
def test_without_a_broker_it_ends_with_one_sentence(patient, arguments):
    patient.broker.stop()
    answer = patient.run("monitor.py", *arguments)
    assert answer.code == 1
    assert answer.errors.startswith("error: no broker answers at redis://:***@127.0.0.1:")
    assert answer.errors.count("\n\nhint: ") == 1
    assert answer.seconds < SOON_S


def test_a_database_of_somebody_else_is_left_as_it_was(patient):
    patient.client.flushdb()
    patient.client.set("customer:1", "Ada")
    for command in (["monitor.py", "--json"], ["-c", f"import monitor; {CALL}"]):
        answer = patient.run(*command)
        assert answer.code == 1
        assert "holds somebody else's data" in answer.errors
    assert patient.client.keys() == ["customer:1"]


CALL = f"monitor.monitor_task('{uuid.uuid4()}')"


def test_without_any_worker_it_says_so(patient):
    answer = patient.run("monitor.py", "--once")
    assert answer.code == 0
    assert "no worker is connected; ./lab doctor says what to do" in answer.text


def test_a_wrong_option_is_a_wrong_use():
    answer = subprocess.run(
        [sys.executable, "monitor.py", "--often"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.count("hint: ") == 1
