"""Was it as promised?  What `./lab run` says at the end, and its exit code."""

import shlex
from dataclasses import dataclass

from lab_home import house_error
from labkit.course.lessons import PLAYGROUND, Lesson
from labkit.course.promise import describe
from labkit.long_lines import MARK


@dataclass(frozen=True)
class Run:
    """What one run of a script left behind.

    exit_code: the script's own.
    output: its standard output, with marks before long lines (labkit.long_lines).
    started: the lesson itself ran, so that a failure is not a missing stack.
    last_lines: what belongs after the output: where to look, or the error that ended the lesson.
    signal: the number of the signal that ended the run early (Ctrl-C is 2), else 0.
    """

    exit_code: int
    output: str
    started: bool = True
    last_lines: str = ""
    signal: int = 0

    @property
    def printed(self) -> str:
        """What it printed, each line whole."""
        return self.output.replace(MARK, "")


@dataclass(frozen=True)
class Outcome:
    """The exit code of `./lab run`, and what it says; "" where there is nothing to add.

    kept: the run ended well and printed what was promised (anything, where nothing was).
    """

    exit_code: int
    text: str
    kept: bool = False


def judge(lesson: Lesson, run: Run, changed: list[str] | None, *, strict: bool = False) -> Outcome:
    """Compare a run with the lesson's promise.

    changed: the learner's changed files, which excuse a difference unless strict; None without git.
    """
    if run.signal:
        return Outcome(128 + run.signal, "")
    if run.exit_code and not run.started:
        return Outcome(1, "")  # the lesson has said what is missing
    # What the learner makes of the playground is as it should be.
    promise = "" if lesson.number == PLAYGROUND else lesson.text.promise
    # Where the lesson has said what went wrong, the lines that did not come after that are no news.
    broken_off = bool(run.exit_code and run.last_lines)
    difference = describe(promise, run.printed, broken_off=broken_off) if promise else ""
    if not run.exit_code and not difference:
        return Outcome(0, "as promised" if promise else "", kept=True)
    if run.exit_code < 0:
        what = f"was ended by signal {-run.exit_code}"
    elif run.exit_code:
        what = f"ended with exit code {run.exit_code}"
    else:
        what = "did not print what it promises"
    name = f"lesson {lesson.number}" if lesson.number.isdecimal() else lesson.number
    if changed and not strict:
        files = " and ".join(changed)
        excuse = (
            f"{name} {what}: that is what your change of {files} did\n\n"
            f"hint: ./lab restore {shlex.join(changed)}"
        )
        return Outcome(0, _joined(difference, excuse))
    if broken_off and "hint: " in run.last_lines:
        return Outcome(1, difference)  # what went wrong has been said, and what to do about it
    hint = f"./lab status; ./lab run {lesson.number}"
    if lesson.number == PLAYGROUND:
        hint = "git diff examples/playground.py tasks/playground.py"
    error = house_error(f"{name} {what}", "./lab restore" if changed else hint)
    return Outcome(1, _joined(difference, error))


def _joined(difference: str, sentence: str) -> str:
    return f"{difference}\n\n{sentence}" if difference else sentence
