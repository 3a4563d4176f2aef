"""A program that ends says nothing but its own error, whatever became of its results."""

import re
import signal
import subprocess
import sys

import pytest

from tests.stack.helpers.labs import ROOT, stopped, wait_until
from tests.stack.helpers.patient import Patient, patient, ward

__all__ = ["patient", "ward"]  # fixtures

END_S = 60  # usually 1.5 s

# `waiting` is never done: nobody takes from its queue.
BEGIN = """
import sys, threading
from celery import chord, group
from tasks.basic_tasks import add, describe, divide

waiting, failing = add.s(1, 1).set(queue="nobody"), divide.s(1, 0)

def wait_in_vain(*signatures):
    global result
    result = group(signatures)()
    try:
        result.get(timeout=0.5)
    except Exception as error:
        print(type(error).__name__)
"""

# Program: exit code, what it prints, and the one error on stderr.
ENDS = {
    "divide.delay(1, 0).get()": (1, "", "ZeroDivisionError"),
    "result = failing.delay()": (0, "", ""),
    "group(failing, waiting)().get()": (1, "", "ZeroDivisionError"),
    "chord([failing, waiting])(describe.s()).get()": (1, "", "ZeroDivisionError|ChordError"),
    "wait_in_vain(waiting, waiting)": (0, "TimeoutError", ""),
    "wait_in_vain(failing, waiting); sys.exit(3)": (3, "ZeroDivisionError", ""),
    "wait_in_vain(failing, waiting); raise KeyError(1)": (1, "ZeroDivisionError", "KeyError"),
    "one = threading.Thread(target=wait_in_vain, args=(failing, waiting)); one.start()": (
        0,
        "ZeroDivisionError",
        "",
    ),
}


def start(patient: Patient, program: str) -> subprocess.Popen:
    """Run a program as `python -c` does."""
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program],
        cwd=ROOT,
        env=patient.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def error_of(stderr: str) -> str:
    """The error of the one traceback that is all there is; "" for silence."""
    if not stderr:
        return ""
    first, *between, last = stderr.splitlines()
    assert first == "Traceback (most recent call last):", stderr
    assert all(line.startswith("  ") for line in between), stderr
    return last.partition(":")[0].rpartition(".")[2]


@pytest.fixture(scope="module")
def programs(ward):
    """All programs, started side by side."""
    running = {program: start(ward, program) for program in ENDS}
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("program", ENDS)
def test_a_program_ends_with_its_own_error_alone(programs, program):
    code, printed, error = ENDS[program]
    stdout, stderr = programs[program].communicate(timeout=END_S)
    assert re.fullmatch(error, error_of(stderr)), stderr
    assert (programs[program].returncode, stdout.strip()) == (code, printed)


def waiting_for_results(patient: Patient, results: int) -> bool:
    """Whether a program has subscribed to so many results, and so waits for them."""
    return len(patient.client.pubsub_channels("celery-task-meta-*")) == results


def test_ctrl_c_while_waiting_is_the_only_error(patient):
    process = start(patient, "group(waiting, waiting)().get()")
    wait_until(lambda: waiting_for_results(patient, 2), END_S)
    process.send_signal(signal.SIGINT)
    _stdout, stderr = process.communicate(timeout=END_S)
    assert error_of(stderr) == "KeyboardInterrupt"
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("broker", ["gone", "frozen"])
def test_a_broker_that_is_gone_or_frozen_keeps_no_program_from_its_end(patient, broker):
    process = start(patient, "wait_in_vain(waiting, waiting)\ninput()\nraise KeyError(1)")
    wait_until(lambda: waiting_for_results(patient, 2), END_S)
    assert process.stdout
    assert process.stdout.readline() == "TimeoutError\n"
    if broker == "gone":
        patient.broker.stop()
        _stdout, stderr = process.communicate("\n", timeout=END_S)
    else:
        with stopped(patient.broker.process.pid):
            _stdout, stderr = process.communicate("\n", timeout=END_S)
    assert error_of(stderr) == "KeyError"
    assert process.returncode == 1
