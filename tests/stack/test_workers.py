"""What a lesson brings of its own: workers, commands; and what is left after Ctrl-C."""

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from labkit.errors import LabError
from labkit.own import multi as multi_module
from labkit.own.command import Command
from labkit.own.multi import multi
from labkit.own.screen import draws
from labkit.own.workers import WorkerLine, own_worker, workers_of
from labkit.processes.usage import cpu_seconds, memory_mb
from tests.stack.helpers.labs import Lab, wait_until
from tests.stack.helpers.patient import Patient, patient

__all__ = ["patient"]


def running_with(text: str) -> list[str]:
    """Command lines of running processes that hold this text."""
    lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    return [line for line in lines if text in line]


# -- Workers ---------------------------------------------------------------------------------


def test_a_worker_answers_from_the_moment_it_is_given(patient: Patient):
    for _ in range(3):
        with own_worker("own", ["own"], "--concurrency=1", environment=patient.environment) as one:
            # A question that goes out at once, and is not repeated.
            assert patient.app.control.inspect([one.name], timeout=5).ping() is not None
        assert one.process.poll() == 0


def test_workers_of_different_kinds_take_from_their_own_queues(patient):
    lines = [
        WorkerLine("own1", ["q1"], ["--pool=solo"], environment=patient.environment),
        WorkerLine("own2", ["q2", "q3"], ["--pool=threads"], environment=patient.environment),
    ]
    with workers_of(lines) as workers:
        asked = patient.app.control.inspect([one.name for one in workers], timeout=5)
        queues = {name: [one["name"] for one in of] for name, of in asked.active_queues().items()}
    assert queues == {workers[0].name: ["q1"], workers[1].name: ["q2", "q3"]}


def test_a_setting_reaches_one_worker(patient):
    line = WorkerLine("own", ["own"], ["--pool=solo"], ["task.acks_late=True"])
    assert line.command()[-2:] == ["--", "task.acks_late=True"]
    with own_worker(
        "own", ["own"], "--pool=solo", settings=line.settings, environment=patient.environment
    ) as one:
        conf = patient.app.control.inspect([one.name], timeout=5).conf()[one.name]
    assert conf["task_acks_late"] is True


def test_a_worker_that_cannot_start_is_told_in_a_sentence_and_the_others_are_not_left(patient):
    environment = patient.environment | {"OWN_MARK": "several"}
    lines = [
        WorkerLine("own-good", ["own"], ["--concurrency=1"], environment=environment),
        WorkerLine("own-bad", ["own"], ["--no-such-option"], environment=environment),
    ]
    sentence = r"the worker own-bad@.* ended with exit code 2"
    with pytest.raises(LabError, match=sentence), workers_of(lines):
        pass
    assert running_with("own-good@") == []


def test_a_workers_use_counts_its_pool_and_its_kill_takes_that_with_it(patient):
    with own_worker("own", ["own"], "--concurrency=2", environment=patient.environment) as one:
        pool = one.identity.group()
        assert len(pool) >= 3
        times = psutil.Process(one.process.pid).cpu_times()
        assert cpu_seconds(one.identity) >= times.user + times.system
        assert memory_mb(one.identity) > 20
        one.kill()
        wait_until(lambda: one.identity.group() == [], what="all of it has ended")
    assert not any(member.is_running() and member.status() != "zombie" for member in pool)


# -- Ctrl-C ----------------------------------------------------------------------------------


def interrupted(
    lab: Lab,
    number: str,
    text: str,
    presses: int,
    file: Path | None = None,
    words: str = "",
    within_s: float = 60,
) -> subprocess.CompletedProcess:
    """Run a lesson, and press Ctrl-C so many times when it has printed a text.

    file: wait until this file is there, too, and holds these words.
    Fails if the lesson has not ended within_s.
    """
    output, errors = lab.home.parent / "out.txt", lab.home.parent / "err.txt"
    with output.open("w") as out, errors.open("w") as err:
        run = subprocess.Popen(
            [sys.executable, "-m", "labkit.cli", "run", number],
            cwd=lab.root,
            env=lab.environment,
            stdout=out,
            stderr=err,
        )
    wait_until(lambda: text in output.read_text(), 60, f"lesson {number} printed {text!r}")
    written = f"lesson {number} has written {words!r} into {file}"
    wait_until(lambda: not file or (file.exists() and words in file.read_text()), 60, written)
    for _ in range(presses):
        run.send_signal(signal.SIGINT)
        time.sleep(0.2)  # as fast as a person presses
    code = run.wait(within_s)
    return subprocess.CompletedProcess([], code, output.read_text(), errors.read_text())


@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("when", ["its worker starts", "its worker is ready"])
def test_after_ctrl_c_no_worker_and_no_queue_of_the_lesson_is_left(lean_lab, when, presses):
    log = lean_lab.home / "logs" / "lesson25-file.log"
    log.unlink(missing_ok=True)
    words = " ready." if when == "its worker is ready" else ""
    result = interrupted(lean_lab, "25", "-n lesson25-file@%h", presses, log, words)
    assert result.returncode == 130
    told = re.findall(r"stopped the worker lesson25-(memory|file)@", result.stderr)
    # Not always both: the line of a worker is printed a moment before it is started.
    assert told
    assert "Traceback" not in result.stderr
    assert lean_lab.running_with("-n lesson25-") == []
    left = lean_lab.python(
        "import redis\n"
        "from lab_home import LAB_FILES, REDIS_URL\n"
        "client = redis.Redis.from_url(REDIS_URL, decode_responses=True)\n"
        "print(client.keys('*lesson25*'), [one for one in client.hvals('unacked') if '25.' in one],"
        " list((LAB_FILES / 'ledgers').glob('lesson25*')))"
    )
    assert left == "[] [] []"
    assert list(lean_lab.home.glob("lesson25*")) == []  # the file of --statedb


def test_after_ctrl_c_results_of_a_broker_that_is_gone_are_not_waited_for(lean_lab):
    # Each of them waited 20 s for it, and was told by a traceback.
    result = interrupted(lean_lab, "30", "both workers are killed", 1, within_s=20)
    assert result.returncode == 130
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize("when", ["celery multi starts it", "its pid file is there"])
def test_after_ctrl_c_a_worker_in_the_background_is_gone_soon(lean_lab, when):
    pid_file, log = lean_lab.home / "w1.pid", lean_lab.home / "logs" / "w1.log"
    log.unlink(missing_ok=True)
    file = pid_file if when == "its pid file is there" else log
    # It takes 4 s; the thread that runs `celery multi` would by itself wait for 30 s and more.
    result = interrupted(lean_lab, "26", "$ ./start_worker.sh", 1, file, within_s=25)
    assert result.returncode == 130
    assert "stopped the worker w1@" in result.stderr
    assert "Traceback" not in result.stderr
    assert running_with(str(pid_file)) == []
    assert lean_lab.running_with("-n lesson26") == []
    assert not pid_file.exists()


# -- Commands --------------------------------------------------------------------------------


def test_long_lines_are_cut_and_others_are_counted(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    command = Command(sys.executable, "-c", "print('one'); print('two ' * 50); print('three')")
    command.show("one", "two")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("$ ")
    assert printed[1] == "one"
    assert len(printed[2]) == 90
    assert printed[2].endswith("...")
    assert printed[3] == "    (1 more lines)"


def test_a_command_can_be_read_while_it_runs_and_is_gone_after_the_block():
    code = "import time; print('here', flush=True); time.sleep(60)"
    with Command(sys.executable, "-c", code) as command:
        command.wait_until_it_prints("here")
    assert command.end() == -signal.SIGKILL


def test_a_program_that_draws_is_ended_and_one_that_does_not_is_told(monkeypatch):
    assert draws("hello", [sys.executable, "-c", "print('hello'); input()"])
    assert not draws("hello", [sys.executable, "-c", "print('goodbye')"])
    monkeypatch.setattr("labkit.own.screen.TIMEOUT_S", 0.5)
    assert not draws("hello", [sys.executable, "-c", "import time; time.sleep(60)"])


@pytest.fixture
def home(tmp_path, monkeypatch, request):
    """A LAB_HOME for celery multi."""
    folder = tmp_path / request.param
    (folder / "logs").mkdir(parents=True)
    monkeypatch.setattr(multi_module, "LAB_HOME", folder)
    return folder


@pytest.mark.parametrize("home", ["home"], indirect=True)
def test_a_worker_in_the_background_ends_with_the_block(patient, home, monkeypatch):
    monkeypatch.setenv("REDIS_URL", patient.url)
    with multi("w9", "--queues=own", "--concurrency=1") as w9:
        line, answer = w9.run("start")
        assert line.startswith("$ celery multi start w9 -A celery_app ")
        assert answer.endswith(": OK")
        process = w9.wait_for_another_than(None)
        assert process
    wait_until(lambda: not process.running(), what="it has ended")
    assert running_with(str(home)) == []


@pytest.mark.parametrize("home", ["home"], indirect=True)
@pytest.mark.parametrize("wait_s", [0, 0.5, 1.5])  # in different steps of the start
def test_a_verb_that_runs_in_a_thread_ends_with_the_block(patient, home, monkeypatch, wait_s):
    monkeypatch.setenv("REDIS_URL", patient.url)
    with multi("w9", "--queues=own", "--concurrency=1") as w9:
        thread = threading.Thread(target=lambda: [w9.run("start"), w9.wait_for_another_than(None)])
        thread.start()
        time.sleep(wait_s)
    began = time.monotonic()
    thread.join(20)
    assert time.monotonic() - began < 5  # by itself the thread would wait for 30 s
    assert w9.run("restart")[1] == "> nothing"
    time.sleep(1)  # a worker that goes into the background would be there by now
    assert running_with(str(home)) == []
    assert list(home.glob("*.pid")) == []


@pytest.mark.parametrize("home", ["my home"], indirect=True)
def test_where_a_path_holds_a_space_celery_multi_is_left_out(home):
    with multi("w9") as w9:
        assert w9.run("start")[1] == f"> left out: {home} holds a space"
        assert w9.wait_for_another_than(None) is None
