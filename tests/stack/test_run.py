"""`./lab run` finds a stack or starts one, and says in a sentence what is missing."""

import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
import redis

from labkit.broker.server import free_port
from tests.stack.helpers.labs import LEAN, ROOT, SOON_S, Lab, wait_until

LESSON = ROOT / "examples" / "basic" / "01_first_task.py"


def direct(lab: Lab, **changes: str) -> subprocess.CompletedProcess:
    """A lesson started by hand, without `./lab run`, from another folder."""
    return subprocess.run(
        [sys.executable, LESSON],
        cwd="/",
        env=lab.environment | changes,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def processes_of(lab: Lab) -> list[str]:
    """Command lines of processes that belong to this lab: its home stands in their environment."""
    mine = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LAB_HOME", "").startswith(str(lab.home)):
                mine.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return mine


def start_lesson_04(lab: Lab) -> subprocess.Popen:
    """`./lab run 04`, once the lesson itself is at work; it takes 10 s."""
    printed = lab.home.parent / "out.txt"
    with printed.open("w") as output:
        run = subprocess.Popen(
            [sys.executable, "-m", "labkit.cli", "run", "04"],
            cwd=lab.root,
            env=lab.environment,
            stdout=output,
            stderr=output,
        )
    wait_until(lambda: "04 " in printed.read_text(), 60)
    return run


@pytest.mark.parametrize("number", ["01", "02", "realworld_usage"])  # the last one needs mail
def test_with_nothing_up_a_run_starts_its_own_stack_and_leaves_nothing(lab, number):
    result = lab.run("run", number, "--strict")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no lab is up: starting one for this run" in result.stderr
    assert processes_of(lab) == []
    assert not (lab.home / "temporary").exists()
    assert list((lab.home / "processes").iterdir()) == []
    assert (lab.home / "logs/mail.log").exists() == (number == "realworld_usage")
    assert (lab.home / "logs/lesson02.log").exists() == (number == "02")


def test_code_that_cannot_be_imported_is_named_by_a_run_with_nothing_up(lab_in_tree, tree):
    (tree / "tasks" / "playground.py").write_text("def (\n")
    result = lab_in_tree.run("run", "01")
    assert result.returncode == 1
    assert "SyntaxError" in result.stderr
    assert "error: the stack for this run did not start, because the code" in result.stderr
    assert "\n\nhint: sed -n 1p tasks/playground.py; ./lab restore tasks/" in result.stderr
    assert "Traceback" not in result.stderr
    assert "labkit/stack/temporary.py" not in result.stderr  # no traceback of the lab's own
    assert processes_of(lab_in_tree) == []
    assert not (lab_in_tree.home / "temporary").exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("raise OSError('no disk')", r"tasks/playground\.py line \d+: OSError: no disk"),
        ("return {name}", "EncodeError"),
    ],
)
def test_a_task_of_the_learners_own_that_fails_is_named_with_its_reason(
    lab_in_tree, tree, line, why
):
    path = tree / "tasks" / "playground.py"
    path.write_text(path.read_text().replace('return f"hello, {name}"', line))
    result = lab_in_tree.run("run", "playground")
    told = re.search(rf"error: the task (\S+) failed: .*{why}.*\n\nhint: (.*)\n", result.stderr)
    assert told, result.stderr
    assert told[2] == f"./lab doctor {told[1]}"
    assert "Traceback" not in result.stderr
    assert result.returncode == 1


def test_a_run_that_is_killed_leaves_only_what_the_next_one_ends(lab):
    run = start_lesson_04(lab)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert processes_of(lab)
    assert lab.run("down").returncode == 0
    wait_until(lambda: processes_of(lab) == [], what="nothing of this lab runs")


def test_ctrl_c_in_a_run_ends_its_stack_too(lab):
    run = start_lesson_04(lab)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) in {130, -signal.SIGINT}
    assert processes_of(lab) == []


def test_a_lesson_runs_from_any_folder_beside_the_running_lab(shared_lab):
    result = direct(shared_lab)
    assert result.returncode == 0, result.stderr
    assert "look: http://localhost:" in result.stderr


def test_a_lesson_without_a_stack_says_so_quickly(lab):
    began = time.monotonic()
    result = direct(lab, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    seconds = time.monotonic() - began
    assert result.returncode == 1
    assert result.stderr.startswith("error: no broker answers at redis://127.0.0.1:")
    assert "hint: unset REDIS_URL; ./lab up" in result.stderr
    assert seconds < SOON_S


def test_a_lesson_names_the_queue_that_nobody_consumes(lab, redis_server):
    lab.environment["REDIS_URL"] = redis_server()
    worker = subprocess.Popen(
        ["./start_worker.sh", "--queues=advanced", "-n", "other@%h"],
        cwd=lab.root,
        env=lab.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with redis.Redis.from_url(lab.environment["REDIS_URL"]) as client:
            wait_until(lambda: client.exists("celery_learning:lab"), what="the worker is ready")
        result = direct(lab)
    finally:
        worker.terminate()
        worker.wait()
    assert result.returncode == 1
    assert "none of them consumes the queue 'basic'" in result.stderr
    assert "hint: ./start_worker.sh --queues=basic" in result.stderr


def test_a_redis_of_ones_own_serves_a_run_with_nothing_up(lab, redis_server):
    result = lab.run("run", "01", "--strict", REDIS_URL=redis_server())
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_tour_runs_several_lessons_on_one_stack(lab_in_tree, tree):
    for lesson in (tree / "examples" / "basic").glob("0*.py"):
        if not lesson.name.startswith(("01", "05")):
            lesson.unlink()  # test_lessons_basic.py runs them all; two are enough for a tour
    result = lab_in_tree.run("tour", "basic")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 of 2 as promised" in result.stdout
    assert result.stderr.count("no lab is up: starting one") == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost:6379/0", "REDIS_URL must be redis://"),
        ("redis://localhost:99999/0", "REDIS_URL must be redis://"),
        ("redis://127.0.0.1:1/0", "no broker answers at redis://127.0.0.1:1/0"),
    ],
)
@pytest.mark.parametrize("verb", [("up",), ("run", "01"), ("status",)])
def test_a_broken_redis_url_is_one_sentence(lab, verb, url, sentence):
    if verb == ("status",) and ":1/" in url:
        pytest.skip("status asks no broker where no lab is up")
    result = lab.run(*verb, REDIS_URL=url)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert sentence in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_password_is_one_sentence_without_the_password(lab, redis_server):
    url = redis_server().replace("redis://:", "redis://:wrong-word-")
    result = lab.run("run", "01", REDIS_URL=url)
    assert result.returncode == 1
    assert "refuses this password" in result.stderr
    assert "wrong-word" not in result.stderr


def test_a_message_to_a_misspelled_queue_does_not_lock_the_lab_out(lab):
    lab.up("--workers=0", *LEAN)
    lab.python("from tasks.basic_tasks import add; add.apply_async((1, 2), queue='bsic')")
    result = lab.run("run", "02", "--strict")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_second_run_of_a_lesson_waits_for_nothing_and_says_why(shared_lab):
    run = start_lesson_04(shared_lab)
    try:
        result = shared_lab.run("run", "04")
        assert result.returncode == 1
        assert "04 runs in another terminal" in result.stderr
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(60)


def test_a_second_terminal_finds_a_lab_on_a_redis_of_ones_own(lab, redis_server):
    first = Lab(lab.home, REDIS_URL=redis_server())
    first.output = lab.output
    try:
        first.up(*LEAN)
        result = lab.run("run", "01", "--strict")
        assert result.returncode == 0, result.stdout + result.stderr
        assert "starting one for this run" not in result.stderr
        assert "(from REDIS_URL)" in lab.run("status").stdout
    finally:
        first.clean_up()
