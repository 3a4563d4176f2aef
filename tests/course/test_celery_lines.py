"""Of a lesson's lines some are Celery, some labkit, some neither; a few rules say which."""

import ast

import pytest

from tests.course.celery_lines import celery_and_labkit
from tests.course.lesson_size import size

IMPORTS = """\
from celery import group
from celery_app import app
from labkit.lesson import claim, table
from labkit.lesson.setup import Setup
from labkit.lesson.trial import trial
from labkit.own.command import celery
from labkit.own.workers import WorkerLine
from tasks.basic_tasks import add
from work.text import shout
"""


def kinds(source: str) -> list[str]:
    """For each line behind the imports "Celery", "labkit" or "-"."""
    celery, labkit = celery_and_labkit(ast.parse(IMPORTS + source))
    start = IMPORTS.count("\n")
    numbers = range(start + 1, start + 1 + len(source.splitlines()))
    return ["Celery" if one in celery else "labkit" if one in labkit else "-" for one in numbers]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("add.delay(4, 5)", "Celery"),
        ("group(one, two)", "Celery"),
        ("app.control.purge()", "Celery"),
        ("task.apply_async((1,), countdown=3)", "Celery"),
        ("celery('inspect', 'ping').show()", "Celery"),
        ("answer.get(timeout=3)", "Celery"),
        ("SETTINGS = {'late': ['task.acks_late=True']}", "Celery"),
        ("OPTIONS = ['--concurrency=1']", "Celery"),
        ("line = WorkerLine('one', [])", "labkit"),
        ("trial('lesson30', {}, '--concurrency=1')", "labkit"),
        ("claim(seconds < 1, 'it took no second')", "-"),
        ("table('a', rows=[])", "-"),
        ("text = shout('one')", "-"),
        ("answer.get('state')", "-"),
    ],
)
def test_a_line_is_what_its_statement_uses(line, kind):
    assert kinds(line) == [kind]


def test_a_statement_counts_with_all_of_its_lines():
    assert kinds("print(\n    add.delay(4, 5),\n)") == ["Celery"] * 3


def test_what_comes_of_labkit_is_labkit():
    source = (
        "with trial('lesson30', {}) as setups:\n"
        "    for one in setups:\n"
        "        one.worker.kill()\n"
        "    early, late = setups\n"
        "    late.worker.kill()\n"
    )
    assert kinds(source) == ["labkit"] * 5


def test_a_value_that_a_function_of_labkit_returns_is_a_value():
    assert kinds("seconds = trial('lesson30', {})\nprint(seconds)") == ["labkit", "-"]


def test_a_line_of_labkit_that_names_a_task_is_celery():
    source = "with trial('lesson30', {}) as setups:\n    setups[0].send(add, 'job')"
    assert kinds(source) == ["labkit", "Celery"]


@pytest.mark.parametrize(
    "call",
    [
        "add.delay(4, 5)",
        "group(add.s(4, 5))()",
        "(add.s(4, 5) | add.s(6)).delay()",
        "[add.delay(one, 1) for one in range(3)]",
        "app.AsyncResult('one')",
    ],
)
def test_what_comes_of_a_task_is_celery(call):
    assert kinds(f"result = {call}\nprint(result)") == ["Celery"] * 2


def test_a_constant_that_holds_tasks_is_known_in_functions():
    source = "TASKS = [add]\ndef main():\n    TASKS[0].run()\n"
    assert kinds(source) == ["Celery", "-", "Celery"]


def test_a_parameter_is_what_its_annotation_says():
    assert kinds("def show(one: Setup):\n    print(one.name)") == ["labkit"] * 2


def test_a_name_of_one_function_means_nothing_in_another():
    source = "def a():\n    x = add.delay()\ndef b(x):\n    print(x)"
    assert kinds(source) == ["-", "Celery", "-", "-"]


def test_a_statement_that_holds_others_counts_with_its_head():
    assert kinds("if add:\n    pass\nelse:\n    pass") == ["Celery", "-", "-", "-"]


def test_each_item_of_a_with_counts_for_itself():
    source = "with (\n    open('x') as x,\n    app.connection() as y,\n):\n    pass"
    assert kinds(source) == ["-", "-", "Celery", "-", "-"]


def test_docstring_and_imports_count_for_nothing_and_comments_are_prose(tmp_path):
    script = tmp_path / "01_one.py"
    script.write_text(
        '"""Title.\n\nText.\n"""\n\n'
        "from tasks.basic_tasks import add\n\n\n"
        "def main() -> None:\n"
        '    """What it is for."""\n'
        "    # Why.\n"
        "    add.delay(4, 5)  # a reason\n"
    )
    counted = size(script)
    assert (counted.code, counted.prose, counted.celery, counted.labkit) == (2, 2, 1, 0)
