"""`./lab test` runs every check, names each with its result, and fails if one fails.

With --again, as in CI, a test that fails gets a second run, alone.
"""

import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from labkit.checks import HEADING, NEED_MORE, Step, run_steps, steps
from labkit.errors import LabError

ROOT = Path(__file__).parents[1]


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


# A test module of each kind; the flaky one fails in its first run, and leaves a file.
FLAKY = """
from pathlib import Path

def test_flaky():
    assert Path("ran before").exists() or Path("ran before").touch()
"""
FAILING = """
def test_failing():
    assert not "a reason"
"""
PASSING = """
from pathlib import Path

def test_passing():
    with Path("passed").open("a") as file:
        file.write("once ")
"""
BROKEN = "import no_such_module"


@pytest.fixture
def tested(tmp_path, capfd, monkeypatch):
    """Run pytest over these modules, by default with --again.

    It returns the names of the steps that failed, and what was printed.
    """
    # Each pytest would import every plugin that is installed, which takes it 3 s.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")

    def run(*, again: bool = True, **modules: str) -> tuple[list[str], str]:
        for name, code in modules.items():
            (tmp_path / f"test_{name}.py").write_text(code)
        (tmp_path / "pytest.ini").touch()
        todo = steps(fast=False, pytest_arguments=["-n1"], again=again, root=tmp_path)[-1:]
        return run_steps(todo, tmp_path), capfd.readouterr().out

    return run


def test_what_passes_alone_is_named_as_flaky_and_does_not_fail_the_run(tested, tmp_path):
    failed, printed = tested(flaky=FLAKY, passing=PASSING)
    assert failed == []
    assert printed.endswith(f"{HEADING}\n    test_flaky.py::test_flaky\n")
    assert "pytest       failed, exit code 1" in printed
    assert (tmp_path / "passed").read_text() == "once "


def test_what_fails_twice_fails_the_run(tested):
    failed, printed = tested(flaky=FLAKY, failing=FAILING, passing=PASSING)
    assert failed == ["pytest"]
    assert f"{HEADING}\n    test_flaky.py::test_flaky\n" in printed
    assert printed.endswith("failed twice:\n    test_failing.py::test_failing\n")


def test_a_module_that_cannot_be_imported_fails_the_run(tested):
    failed, _ = tested(broken=BROKEN, passing=PASSING)
    assert failed == ["pytest"]


def test_a_process_that_dies_in_a_test_fails_the_run(tested):
    failed, printed = tested(dying="import os\n\ndef test_dying():\n    os._exit(1)\n")
    assert failed == ["pytest"]
    assert "failed twice:\n    test_dying.py::test_dying\n" in printed


def test_a_run_without_any_test_is_no_success(tested):
    assert tested() == (["pytest"], ANY)


def test_where_nothing_fails_nothing_runs_again(tested):
    failed, printed = tested(passing=PASSING)
    assert failed == []
    assert "again, alone" not in printed


def test_without_again_a_failure_is_a_failure(tested):
    failed, printed = tested(again=False, flaky=FLAKY)
    assert failed == ["pytest"]
    assert "again, alone" not in printed


def test_ci_gives_a_failure_its_second_run():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "./lab test --again"
