"""What a lesson has started is found and ended, at whatever moment the lesson was killed (-9)."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.stack.helpers.labs import Lab, wait_until

# What lessons start: a broker, a service and a worker of their own.
STARTS = """
import time
{before}
from labkit.own.broker import own_broker
from labkit.own.services import own_service
from labkit.own.workers import own_worker

print("begins", flush=True)
with (
    own_broker("killed") as broker,
    own_service("partners"),
    own_worker("killed", ["killed"], environment=broker.environment()),
):
    print("all runs", flush=True)
    time.sleep(60)
"""

# The moment between a start and the note of it.
KILLED_BEFORE_THE_NOTE = """
import os, signal
from labkit.processes.records import ProcessRecord

add = ProcessRecord.add
def killed(record, name, child):
    if "WHICH" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    add(record, name, child)
ProcessRecord.add = killed
"""


def left_over(lab: Lab) -> list[str]:
    """Command lines of the processes that have this lab's home, or one below it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            ours = process.environ().get("LAB_HOME", "").startswith(str(lab.home))
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def script(lab: Lab, before: str = "") -> subprocess.Popen:
    """A lesson's script that runs, and has begun to start what it needs."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS.format(before=before)],
        cwd=lab.root,
        env=lab.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begins\n"
    return process


@pytest.mark.parametrize("which", ["own broker", "partners", "killed"])
def test_what_runs_and_is_not_noted_yet_is_ended_by_down(lab, which):
    with script(lab, KILLED_BEFORE_THE_NOTE.replace("WHICH", which)) as lesson:
        assert lesson.wait(60) == -signal.SIGKILL
    assert left_over(lab)
    down = lab.run("down")
    assert "ended what a killed lab had left" in down.stdout
    assert left_over(lab) == []
    assert lab.run("down").stdout == "nothing runs here\n"


def test_nothing_is_left_wherever_a_lesson_is_killed_while_it_starts(lab):
    for _ in range(5):
        with script(lab) as lesson:
            time.sleep(random.uniform(0, 2))  # noqa: S311 - the moment is what it is about
            lesson.kill()
        lab.run("down")
        assert left_over(lab) == []


def test_a_lesson_that_is_killed_alone_leaves_nothing_to_its_temporary_stack(lab):
    with subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", "run", "57"],
        cwd=lab.root,
        env=lab.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as runner:
        os.kill(_writer_of(lab, "lesson57-web"), signal.SIGKILL)
        assert runner.wait(60) == 1
    assert left_over(lab) == []


def test_down_ends_also_what_a_killed_lesson_left_beside_a_running_lab(lab):
    lab.up("--workers=0", "--no-beat", "--no-flower", "--no-web", "--no-mail")
    with script(lab) as lesson:
        assert lesson.stdout
        assert lesson.stdout.readline().startswith("$ ")  # the worker is the last one
        lesson.kill()
    down = lab.run("down")
    assert down.stdout.startswith("stopped\n")
    assert left_over(lab) == []


def test_what_belongs_to_a_running_lesson_is_left_alone(lab):
    with script(lab) as lesson:
        assert lesson.stdout
        assert lesson.stdout.readline().startswith("$ ")
        assert lesson.stdout.readline() == "all runs\n"
        before = left_over(lab)
        assert lab.run("down").stdout == "nothing runs here\n"
        assert left_over(lab) == before
        lesson.terminate()
    lab.run("down")
    assert left_over(lab) == []


def _writer_of(lab: Lab, child: str) -> int:
    """Wait for a record that holds this child; the process id of its writer."""
    found: list[int] = []

    def noted() -> bool:
        for path in lab.home.glob("temporary/*/processes/*.json"):
            with contextlib.suppress(OSError, ValueError):
                content = json.loads(path.read_text())
                if any(name.startswith(child) for name in content["children"]):
                    found.append(content["writer"][0])
        return bool(found)

    wait_until(noted, 60, f"{child} is started")
    return found[0]
