"""Lessons are run many times: what counts, what is missing, and what is kept of a failure."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest

from labkit.course.lessons import lesson_of_number
from labkit.errors import LabError
from labkit.waiting import wait_until
from tests.helpers.run_tally import Run, Tally, missing
from tests.repeat_lessons import COUNT, Repeater, busy_processors, chosen, made_of, main

CALM = Run("30", "now", kept=True, busy=False, seconds=2.0)
BUSY = replace(CALM, busy=True)


@pytest.fixture
def tally(tmp_path) -> Tally:
    return Tally(tmp_path / "runs.jsonl")


@contextmanager
def no_load() -> Iterator[None]:
    yield


def test_a_new_lesson_is_run_calm_first_and_then_busy():
    assert missing([], 3, 1) == [False, False, True]


def test_what_has_been_run_is_not_missing():
    assert missing([CALM, BUSY], 3, 1) == [False]
    assert missing([CALM, CALM, BUSY], 3, 1) == []


def test_a_calm_run_too_many_stands_for_no_busy_one():
    assert missing([CALM] * 5, 3, 1) == [True]


def test_a_failure_counts_as_a_run():
    assert missing([replace(CALM, kept=False)], 2, 0) == [False]


def test_the_tally_is_found_again(tally):
    tally.add(CALM)
    tally.add(BUSY)
    assert Tally(tally.path).runs("30", "now") == [CALM, BUSY]


def test_runs_of_a_lesson_that_has_changed_since_count_no_more(tally):
    tally.add(replace(CALM, made_of="before"))
    assert tally.runs("30", "now") == []


@pytest.mark.parametrize("line", ['{"lesson": "3', "[]", "null", '{"lesson": "30"}', "\udcff"])
def test_half_a_line_is_no_run_and_spoils_no_other_one(tally, line):
    tally.add(CALM)
    with tally.path.open("a", errors="surrogateescape") as file:
        file.write(f"\n{line}")
    tally.add(BUSY)
    assert tally.runs("30", "now") == [CALM, BUSY]


def test_the_runs_of_one_lesson_can_be_forgotten(tally):
    other = replace(CALM, lesson="31")
    tally.add(CALM)
    tally.add(other)
    tally.forget(["30"])
    assert tally.runs("30", "now") == []
    assert tally.runs("31", "now") == [other]


def test_nothing_can_be_forgotten_before_the_first_run(tally):
    tally.forget(["30"])
    assert tally.runs("30", "now") == []


def test_a_run_is_written_down_before_the_next_one_begins(tally):
    seen = []

    def run_once(_number: str) -> tuple[int, str]:
        seen.append(len(tally.runs("30", "now")))
        return 0, "as promised\n"

    repeater = Repeater(tally, run_once, no_load)
    list(repeater.repeat("30", "now", [False, False]))
    assert seen == [0, 1]


def test_a_run_that_fails_is_kept_with_its_output_and_the_next_one_comes(tally):
    answers = iter([(1, "line 3 differs\n"), (0, "as promised\n")])
    repeater = Repeater(tally, lambda _number: next(answers), no_load)
    failed, kept = repeater.repeat("30", "now", [False, False])
    assert (failed.kept, kept.kept, kept.output) == (False, True, "")
    assert (tally.path.parent / failed.output).read_text() == "line 3 differs\n"


def test_only_a_busy_run_has_busy_processors(tally):
    loads = []

    @contextmanager
    def load() -> Iterator[None]:
        loads.append("on")
        yield
        loads.append("off")

    def run_once(_number: str) -> tuple[int, str]:
        loads.append("run")
        return 0, ""

    list(Repeater(tally, run_once, load).repeat("30", "now", [False, True]))
    assert loads == ["run", "on", "run", "off"]


def test_an_interrupted_run_does_not_count_and_leaves_no_load(tally):
    def run_once(_number: str) -> tuple[int, str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Repeater(tally, run_once, busy_processors).repeat("30", "now", [True]))
    assert tally.runs("30", "now") == []
    assert counting() == []


def test_processors_are_busy_within_the_block_alone():
    with busy_processors():
        assert wait_until(lambda: len(counting()) == 2, 20)
    assert counting() == []


def test_a_busy_process_ends_when_the_one_who_started_it_is_gone():
    # The parent that it is told to have is the first process of the machine, and not this one.
    subprocess.run([sys.executable, "-c", COUNT, "1"], check=True, timeout=20)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("examples/basic/01_sums.py", "sum", "total"), ("work/sums.py", "x + y", "y + x")],
)
def test_a_lesson_is_another_one_when_its_script_or_its_work_changes(small_lab, name, old, new):
    small_lab.lesson()
    before = made_of(lesson_of_number("1", small_lab.root))
    small_lab.edit(name, old, new)
    assert made_of(lesson_of_number("1", small_lab.root)) != before


def test_a_lesson_stays_the_same_when_another_one_changes(small_lab):
    small_lab.lesson()
    before = made_of(lesson_of_number("1", small_lab.root))
    small_lab.lesson(number="02")
    assert made_of(lesson_of_number("1", small_lab.root)) == before


def counting() -> list[psutil.Process]:
    """The busy processes of this one."""
    return [one for one in psutil.Process(os.getpid()).children() if COUNT in one.cmdline()]


def test_a_part_of_no_lesson_is_refused():
    with pytest.raises(LabError, match="no lesson has a number that begins with '9'"):
        chosen([], "9")


@pytest.mark.parametrize("name", [".", "file/runs.jsonl"])
def test_a_tally_that_cannot_be_written_is_told_before_the_first_run(name, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tests.repeat_lessons.clean_up_on_signals", lambda: None)
    monkeypatch.setattr("tests.repeat_lessons.lab_run", lambda _number: pytest.fail("it runs"))
    with pytest.raises(LabError, match=r"the tally .* cannot be written: "):
        main(["01", "--tally", str(tmp_path / name)], standalone_mode=False)
