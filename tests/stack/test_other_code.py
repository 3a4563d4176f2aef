"""celery_app.py cannot be imported, or another one stands before it on PYTHONPATH."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.helpers.labs import ROOT, Lab

LEAN = ("--no-beat", "--no-flower", "--no-web", "--no-mail")
WRONG = r"celery_app\.py line (\d+): ModuleNotFoundError: No module named 'flaskk'"


@pytest.fixture
def broken(lab_in_tree: Lab) -> Lab:
    """A lab with an import in celery_app.py of a library that is not there."""
    import_flaskk(lab_in_tree)
    return lab_in_tree


def import_flaskk(lab: Lab) -> None:
    path = lab.root / "celery_app.py"
    path.write_text(path.read_text().replace("\nimport sys\n", "\nimport sys\nimport flaskk\n"))


def assert_told(said: str) -> None:
    told = re.search(rf"{WRONG}\n+ *hint: (.*)\n", said)
    assert told, said
    assert told[2] == f"sed -n {told[1]}p celery_app.py; ./lab restore celery_app.py"
    assert "Traceback" not in said


@pytest.mark.parametrize("lesson", ["01", "30"])  # with a shared worker, and with its own
def test_a_run_with_nothing_up_names_the_line(broken, lesson):
    ended = broken.run("run", lesson)
    assert ended.returncode == 1
    assert_told(ended.stderr)


def test_beside_a_lab_that_is_up_every_verb_names_the_line(lab_in_tree):
    lab = lab_in_tree.up(*LEAN)
    import_flaskk(lab)
    for words in (["run", "01"], ["monitor", "--once"], ["doctor", "--wait=30"], ["restart"]):
        ended = lab.run(*words)
        assert ended.returncode == 1, words
        assert_told(ended.stdout + ended.stderr)
    assert lab.run("lessons").returncode == 0
    shown = subprocess.run(
        shlex.split("sed -n /flaskk/p celery_app.py"), cwd=lab.root, capture_output=True, check=True
    )
    assert shown.stdout == b"import flaskk\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another project, with a celery_app.py and tasks of its own."""
    folder = tmp_path / "other project"
    (folder / "tasks").mkdir(parents=True)
    for name in ("celery_app.py", "tasks/__init__.py", "lab_home.py"):
        (folder / name).write_text("raise RuntimeError('the other project')\n")
    return folder


def test_another_projects_code_on_pythonpath_is_not_taken_for_ours(lab, elsewhere):
    ended = subprocess.run(
        [ROOT / "lab", "run", "01", "--strict"],
        env=lab.environment | {"PYTHONPATH": str(elsewhere)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("script", ["start_worker.sh", "start_beat.sh"])
def test_the_scripts_find_our_code_too(lab, elsewhere, script):
    lab.environment |= {"PYTHONPATH": str(elsewhere), "REDIS_URL": "redis://localhost:1/0"}
    ended = subprocess.run(
        ["timeout", "15", ROOT / script],
        env=lab.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 124  # it waits for its broker
    assert "the other project" not in ended.stdout + ended.stderr
    assert "celery_learning" in ended.stdout or "beat" in ended.stdout


def test_a_lesson_by_hand_with_another_app_on_pythonpath_says_so(lean_lab, tmp_path):
    other = tmp_path / "celery_app.py"
    other.write_text("from celery import Celery\napp = Celery()\n")
    script = tmp_path / "lesson.py"
    script.write_text(
        "import celery_app\nfrom labkit.lesson import run_lesson\nrun_lesson(print, queues=[])\n"
    )
    ended = subprocess.run(
        [sys.executable, script],
        env=lean_lab.environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"error: PYTHONPATH has another celery_app.py before ours: {other}\n\n"
        "hint: unset PYTHONPATH\n"
    )
