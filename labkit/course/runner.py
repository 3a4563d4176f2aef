"""`./lab run NN`: run a lesson on a stack and say whether it was as promised."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import click

from lab_home import LAB_HOME, ROOT
from labkit.course.judge import Outcome, Run, judge
from labkit.course.lessons import Lesson, lesson_of_number
from labkit.course.script import run_script
from labkit.course.signpost import what_next
from labkit.errors import LabError
from labkit.processes.records import end_leftovers
from labkit.stack.changes import changed_code

# Gives the environment changes for the lesson's process: stack_for(queues, extras).
Stack = Callable[[Sequence[str], Sequence[str]], AbstractContextManager[Mapping[str, str]]]


def run_lesson_number(
    number: str,
    *,
    strict: bool = False,
    whole: bool = False,
    stack: Stack | None = None,
    root: Path = ROOT,
) -> int:
    """Run one lesson and print the outcome; return the exit code of `./lab run`."""
    lesson = lesson_of_number(number, root)
    _ = lesson.work_files  # a typing mistake in a task's file is told before anything starts
    with (stack or default_stack())(lesson.queues, lesson.extras) as environment:
        if stack is None and not (environment and lesson.queues):  # else its workers did it
            _import_tasks(lesson)
        run, outcome = run_and_judge(lesson, environment, strict=strict, whole=whole)
    # After a failure the last word is what to do about it.
    if not run.signal and not outcome.exit_code and (text := what_next(lesson)):
        click.echo(f"\n{text}", err=True)
    return outcome.exit_code


def run_and_judge(
    lesson: Lesson, environment: Mapping[str, str], *, strict: bool = False, whole: bool = False
) -> tuple[Run, Outcome]:
    """Run a lesson on a stack that is there, and print what there is to say after its output.

    strict: a change is no excuse for a difference.  whole: show long lines whole.
    """
    changed = changed_code(lesson.path, lesson.root)
    run = run_script(lesson.path, environment, lesson.root, whole=whole)
    if run.exit_code < 0:  # killed: it could not stop what it had started
        end_leftovers(LAB_HOME)
    if run.last_lines:
        # The folder of a temporary stack goes at the end, and its logs move to LAB_HOME.
        home = environment.get("LAB_HOME", str(LAB_HOME))
        click.echo(run.last_lines.replace(home, str(LAB_HOME)), err=True)
    outcome = judge(lesson, run, changed, strict=strict)
    if outcome.text:
        kept = outcome.kept
        click.secho(outcome.text if kept else f"\n{outcome.text}", fg="green" if kept else None)
    sys.stdout.flush()
    return run, outcome


def default_stack() -> Stack:
    """The running stack, or a temporary one."""
    from labkit.stack.find import stack_for  # deferred: it imports everything that can be started

    return stack_for


def _import_tasks(lesson: Lesson) -> None:
    """Raise LabError for tasks that cannot be imported, unless workers have done it already."""
    from labkit.stack.code import import_error, mend_hint
    from labkit.stack.find import workers_are_current

    files = [lesson.root / "celery_app.py", *lesson.task_files]
    modules = [".".join(Path(lesson.shown(file)).with_suffix("").parts) for file in files]
    if not workers_are_current() and (why := import_error(modules=modules)):
        raise LabError(f"the lesson's tasks cannot be imported: {why}", mend_hint(why))
