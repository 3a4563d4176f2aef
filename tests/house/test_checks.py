"""`./lab test` runs every check, names each with its result, and fails if one fails."""

import sys
from pathlib import Path

import pytest

from labkit.checks import NEED_MORE, Step, run_steps, steps
from labkit.errors import LabError

ROOT = Path(__file__).parents[2]


def python(name: str, code: str) -> Step:
    """A step that runs a line of Python."""
    return Step(name, [sys.executable, "-c", code])


def names(**options) -> list[str]:
    return [step.name for step in steps(pytest_arguments=[], root=ROOT, **options)]


def test_a_full_run_has_every_step():
    assert names(fast=False) == ["ruff check", "ruff format", "shellcheck", "mypy", "pytest"]


def test_a_fast_run_leaves_out_mypy_and_the_tests_that_need_a_server():
    todo = steps(fast=True, pytest_arguments=[], root=ROOT)
    assert "mypy" not in [step.name for step in todo]
    assert {f"--ignore={folder}" for folder in NEED_MORE} <= set(todo[-1].command)


def test_what_follows_is_handed_to_pytest():
    todo = steps(fast=True, pytest_arguments=["-k", "retry"], root=ROOT)
    assert todo[-1].command[-2:] == ["-k", "retry"]


def test_the_shell_scripts_that_exist_are_checked(tmp_path):
    (tmp_path / "lab").touch()
    shellcheck = steps(fast=True, pytest_arguments=[], root=tmp_path)[2]
    assert shellcheck.command == ["shellcheck", "lab"]


def test_each_step_is_named_with_its_result_and_a_failure_does_not_stop_the_others(capfd, tmp_path):
    todo = [
        python("one", "print('noise')"),
        python("two", "print('reason'); raise SystemExit(3)"),
        python("three", ""),
    ]
    assert run_steps(todo, tmp_path) == ["two"]
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines if "(" in line] == [
        "one          ok",
        "two          failed, exit code 3",
        "three        ok",
    ]
    assert "reason" in lines
    assert "noise" not in lines


def test_a_missing_tool_is_told_before_anything_runs(capfd, tmp_path):
    todo = [python("one", ""), Step("two", ["no-such-tool"])]
    with pytest.raises(LabError, match="no-such-tool is not installed"):
        run_steps(todo, tmp_path)
    assert capfd.readouterr().out == ""


def test_ci_gives_a_failure_its_second_run():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "./lab test --again"
