"""What `./lab up` started ends by a signal, with its broker or by `down`, and leaves nothing."""

import signal
import subprocess
import sys

import pytest

from tests.stack.helpers.labs import LEAN, Lab, wait_until
from tests.stack.test_supervisor import SEND_ADD

SEND_NAP = "from tasks.basic_tasks import nap; print(nap.delay({}).id)"
SLOW_EMAIL = """

@app.task
def slow_email(path):
    import pathlib, time
    from tasks.realworld_tasks import send_email
    pathlib.Path(path).touch()
    while pathlib.Path(path).exists():
        time.sleep(0.05)
    return send_email("ada@example.com", "hello", "text")
"""
STATE = "from celery_app import app; print(app.AsyncResult('{}').state)"


def wait_for_state(lab: Lab, task_id: str, state: str) -> None:
    wait_until(lambda: lab.python(STATE.format(task_id)) == state, what=state)


@pytest.mark.parametrize(
    ("number", "options"), [(signal.SIGINT, ()), (signal.SIGTERM, LEAN), (signal.SIGHUP, LEAN)]
)
def test_a_signal_stops_everything_and_is_reported_to_the_shell(lab, number, options):
    lab.up(*options)
    lab.signal(number)
    assert lab.end() == -number
    assert lab.left_over() == []
    assert not (lab.home / "broker").exists()
    assert not (lab.home / "stack.json").exists()
    assert list((lab.home / "processes").iterdir()) == []


def test_when_the_broker_dies_all_stop(lab):
    lab.up(*LEAN)
    broker = next(one for one in lab.descendants() if "valkey" in one.name())
    broker.kill()
    assert lab.end() == 1
    assert "the broker was ended by signal 9 (SIGKILL), so everything stops\n" in lab.printed()
    assert "\nhint: ./lab up\n" in lab.printed()
    assert lab.left_over() == []


def test_down_ends_what_a_killed_launcher_left(lab):
    lab.up()
    lab.signal(signal.SIGKILL)
    lab.end()
    assert len(lab.left_over()) >= 4
    status = lab.run("status")
    assert status.returncode == 1
    assert "error: a killed lab has left broker" in status.stderr
    result = lab.run("down")
    assert result.returncode == 0
    assert "ended what a killed lab had left: lab1" in result.stdout
    assert lab.left_over() == []


def test_up_ends_what_a_killed_launcher_left_and_starts_anew(lab):
    lab.up(*LEAN)
    lab.signal(signal.SIGKILL)
    lab.end()
    before = lab._seen
    lab.up(*LEAN)
    assert not any(one.is_running() and one.status() != "zombie" for one in before)
    assert lab.python(SEND_ADD) == "9"


def test_queued_work_survives_down_and_up(lab):
    lab.up("--workers=0", *LEAN)
    task_id = lab.python("from tasks.basic_tasks import add; print(add.delay(4, 5).id)")
    assert lab.run("down").returncode == 0
    lab.up(*LEAN)
    wait_for_state(lab, task_id, "SUCCESS")


def test_a_stop_waits_for_a_running_task_and_names_it(lab):
    lab.up(*LEAN)
    task_id = lab.python(SEND_NAP.format(18))  # 10 s until it is named, and time for a slow machine
    wait_for_state(lab, task_id, "STARTED")
    lab.signal(signal.SIGINT)
    lab.wait_for(f"waiting for tasks.basic_tasks.nap [{task_id}]")
    assert lab.end() == -signal.SIGINT
    assert f"{task_id}] succeeded" in (lab.home / "logs" / "lab1.log").read_text()


def test_a_second_ctrl_c_interrupts_a_running_task(lab):
    lab.up(*LEAN)
    task_id = lab.python(SEND_NAP.format(50))
    wait_for_state(lab, task_id, "STARTED")
    lab.signal(signal.SIGINT)
    lab.wait_for("Warm shutdown")
    lab.signal(signal.SIGINT)
    lab.wait_for("stopping cold")
    assert lab.end() == -signal.SIGINT
    assert lab.left_over() == []


def test_ctrl_c_while_the_broker_stops_does_not_cut_the_clean_up_short(lab):
    lab.up("--workers=0", *LEAN)
    broker = next(one for one in lab.descendants() if "valkey" in one.name())
    broker.suspend()
    lab.signal(signal.SIGINT)
    wait_until(lambda: not (lab.home / "broker").exists(), what="the broker was asked to stop")
    lab.signal(signal.SIGINT)
    broker.resume()
    lab.end()
    assert lab.left_over() == []
    assert not (lab.home / "stack.json").exists()
    assert list((lab.home / "processes").iterdir()) == []


def test_a_task_that_ends_while_everything_stops_can_still_send_its_email(lab_in_tree, tree):
    with (tree / "tasks" / "playground.py").open("a") as file:
        file.write(SLOW_EMAIL)
    lab = lab_in_tree.up("--no-beat", "--no-flower", "--no-web", "--no-reload")
    started = lab.home / "started"
    lab.python(f"from tasks.playground import slow_email; slow_email.delay({str(started)!r})")
    wait_until(started.exists, what="the task has started")
    lab.signal(signal.SIGINT)
    lab.wait_for("Warm shutdown")
    started.unlink()
    assert lab.end() == -signal.SIGINT
    assert [file.name for file in lab.home.rglob("*.eml")] == ["0001.eml"]
    assert lab.left_over() == []


def test_a_reader_that_goes_away_stops_the_stack(lab):
    line = f"{sys.executable} -m labkit.cli up --no-beat --no-flower | head -n 1"
    shell = subprocess.run(
        ["sh", "-c", line],
        cwd=lab.root,
        env=lab.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shell.stdout.startswith("starting lab1")
    assert "Traceback" not in shell.stderr
    wait_until(lambda: not (lab.home / "stack.json").exists(), what="the end of the stack")
    assert lab.run("status").returncode == 1
    assert list((lab.home / "processes").iterdir()) == []
