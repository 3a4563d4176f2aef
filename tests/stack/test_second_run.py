"""`./lab test --again`, as in CI: a test that fails gets a second run, alone."""

from unittest.mock import ANY

import pytest

from labkit.checks import HEADING, run_steps, steps

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
