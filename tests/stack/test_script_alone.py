"""A lesson's script that is run by itself: its command line, and a reader that goes away."""

import subprocess
import sys
from pathlib import Path

import pytest

from labkit.processes.start import child_environment
from tests.helpers.small_lab import RUN

TALKS = "for number in range(20_000):\n    print('line', number)\nprint('end')"


def script_alone(small_lab, *options: str, body: str = "print(add(2, 3))", **kwargs):
    script = small_lab.lesson(body, end=RUN)
    return subprocess.run(
        [sys.executable, str(script), *options],
        env=child_environment(PYTHONPATH=str(small_lab.root)),
        text=True,
        timeout=20,
        check=False,
        stderr=subprocess.PIPE,
        **kwargs,
    )


@pytest.mark.parametrize("wrong", ["-x", "--strict", "30"])
def test_an_argument_that_it_cannot_take_is_told_before_the_run(small_lab, wrong):
    ended = script_alone(small_lab, wrong, stdout=subprocess.PIPE)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        f"error: a lesson's script takes -v and nothing else, got {wrong}\n\nhint: ./lab run 01\n"
    )


def test_help_is_the_lesson_in_words_and_runs_nothing(small_lab):
    ended = script_alone(small_lab, "--help", stdout=subprocess.PIPE)
    assert ended.returncode == 0, ended.stderr
    assert "One sentence about why" in ended.stdout
    assert "print long lines whole" in ended.stdout
    assert "\n5\n" not in ended.stdout


@pytest.mark.parametrize("body", [TALKS, "print('short')"])
def test_a_reader_that_goes_away_ends_it_without_a_traceback(small_lab, body):
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait(timeout=20)
        ended = script_alone(small_lab, body=body, stdout=reader.stdin)
    assert ended.returncode == 141
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr


def test_output_that_goes_to_a_full_disk_is_told_in_a_sentence(small_lab):
    with Path("/dev/full").open("w") as full:
        ended = script_alone(small_lab, stdout=full)
    assert "error: the disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr.partition("error:")[0]
