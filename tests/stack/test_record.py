"""`./lab record` keeps a run that was as promised, without names of this machine."""

import os

import pytest

from labkit.course.record import record, without_machine_names
from labkit.errors import LabError
from tests.helpers.small_lab import StandInStack, write


def test_a_recorded_run_is_the_command_and_its_output(small_lab):
    small_lab.lesson()
    record("1", stack=StandInStack(), root=small_lab.root)
    kept = (small_lab.root / "examples/runs/01.txt").read_text()
    assert kept == "$ ./lab run 01\nthe sum is 9\n"


def test_a_run_that_is_not_as_promised_is_not_recorded(small_lab):
    small_lab.lesson(promise="the sum is 10")
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    with pytest.raises(LabError, match="nothing was recorded"):
        record("1", stack=StandInStack(), root=small_lab.root)
    assert not (small_lab.root / "examples/runs").exists()


def test_recording_fills_in_the_chapter(small_lab):
    small_lab.lesson()
    chapter = write(
        small_lab.root / "examples/basic/README.md",
        "<!-- [[[cog cog.out('filled in\\n') ]]] -->\n<!-- [[[end]]] -->\n",
    )
    record("1", stack=StandInStack(), root=small_lab.root)
    assert "\nfilled in\n" in chapter.read_text()


def test_names_of_this_machine_are_taken_out_of_a_recorded_run(tmp_path):
    computer = os.uname().nodename
    text = f"lab1@{computer} wrote {tmp_path}/work/a.py and {tmp_path}/.lab/x"
    cleaned = without_machine_names(text, tmp_path, tmp_path / ".lab")
    assert cleaned == "lab1@host wrote work/a.py and .lab/x"
