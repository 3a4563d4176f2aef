"""A terminal may be narrow: it cuts what is shown of a lesson, and never what is compared."""

import subprocess
import sys

import pytest

from labkit.course.record import record
from labkit.course.runner import run_lesson_number
from labkit.long_lines import MARK
from labkit.processes.start import child_environment
from tests.helpers.small_lab import RUN, SmallLab, StandInStack

COMMAND = "start_worker.sh --queues=a.long.name -- task.acks_late=True"
BODY = f"""
from labkit.long_lines import show_command
show_command({COMMAND.split()!r})
print("a line of the lesson's own that is wider than the terminal")
"""
WHOLE = f"$ {COMMAND}\na line of the lesson's own that is wider than the terminal\n"
CUT = WHOLE.replace(COMMAND, "start_worker.sh --queue...")


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A terminal of 28 columns."""
    monkeypatch.setenv("COLUMNS", "28")


def run(lab: SmallLab, **options: bool) -> int:
    return run_lesson_number("01", stack=StandInStack(), root=lab.root, **options)


def test_a_narrow_terminal_shows_less_of_a_command_and_keeps_the_promise(small_lab, capfd):
    small_lab.lesson(BODY, WHOLE)
    assert run(small_lab) == 0
    assert capfd.readouterr().out == f"{CUT}as promised\n"


def test_what_a_narrow_terminal_does_not_show_is_compared_all_the_same(small_lab, capfd):
    small_lab.lesson(BODY, WHOLE.replace("acks_late", "acks_early"))
    assert run(small_lab) == 1
    told = capfd.readouterr().out
    assert f"got:      $ {COMMAND}\n" in told
    assert MARK not in told


def test_verbose_shows_the_whole_command(small_lab, capfd):
    small_lab.lesson(BODY, WHOLE)
    assert run(small_lab, whole=True) == 0
    assert capfd.readouterr().out == f"{WHOLE}as promised\n"


def test_a_recorded_run_is_as_wide_as_a_page_in_every_terminal(small_lab):
    body = f"{BODY}show_command(['x' * 200])"
    small_lab.lesson(body, f"{WHOLE}$ {'x' * 200}")
    record("1", stack=StandInStack(), root=small_lab.root)
    kept = (small_lab.root / "examples/runs/01.txt").read_text()
    assert kept == f"$ ./lab run 01\n{WHOLE}$ {'x' * 95}...\n"


@pytest.mark.parametrize(("options", "shown"), [((), CUT), (("-v",), WHOLE)])
def test_a_lesson_that_is_run_directly_cuts_its_commands_itself(small_lab, options, shown):
    script = small_lab.lesson(BODY, end=RUN)
    out = subprocess.run(
        [sys.executable, str(script), *options],
        env=child_environment(PYTHONPATH=str(small_lab.root)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=20,
    )
    assert out.stdout == shown
