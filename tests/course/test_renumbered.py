"""Whoever asks for a lesson by its old name or number is told the new one."""

import re

import pytest

from lab_home import ROOT
from labkit.course.lessons import lesson_of_number, scripts
from labkit.course.renumbered import MOVED
from labkit.errors import LabError


def told(asked: str) -> str:
    with pytest.raises(LabError) as caught:
        lesson_of_number(asked)
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_answered_with_the_new_number_of_a_lesson(old):
    number = MOVED[old]
    assert number in scripts()
    said = f"error: lesson {old} has a new number: {number}\n\nhint: ./lab run {number}"
    assert told(old) == said


@pytest.mark.parametrize("asked", ["25_acks.py", "examples/advanced/25_acks.py"])
def test_an_old_path_is_answered_with_the_new_number(asked):
    assert told(asked).startswith("error: lesson 25_acks has a new number: 30\n")


@pytest.mark.parametrize("asked", ["19", "019"])
def test_an_old_number_that_is_a_gap_now_is_answered_with_the_new_one(small_lab, asked):
    small_lab.lesson()
    with pytest.raises(LabError, match=r"^error: lesson 19 has a new number: 21\n\n"):
        lesson_of_number(asked, small_lab.root)


def test_an_old_number_that_is_another_lesson_now_runs_that_one():
    assert lesson_of_number("20").path.stem == "20_routing"


def test_the_changelog_begins_with_the_map():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- end of the numbers -->")[0]
    rows = re.findall(r"\| (\d\d) (\w+) \| (\d\d) (?=\|)", shown)
    assert {f"{old}_{name}": new for old, name, new in rows} == MOVED
    assert shown.count("\n## ") == 1  # nothing stands before it
