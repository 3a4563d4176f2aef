"""`./lab test`: everything that is checked, the same on a laptop and in CI."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from lab_home import ROOT
from labkit.errors import LabError, in_shell
from labkit.processes.start import child_environment

SHELL_SCRIPTS = ("lab", "labkit/start.sh", "start_worker.sh", "start_beat.sh", ".ci/run")
NEED_MORE = ("tests/stack", "tests/browser")  # processes, a browser, an hour
# A file of tests stays in one process, with what its tests share, and the files keep their order.
BY_FILE = ("--dist=loadfile", "--no-loadscope-reorder")
PROCESSES = 5  # test processes side by side: with four, two processors were idle for a sixth
FAST_PROCESSES = 2  # the fast tests hardly wait, and one process more imports all for 4 s
FEW_EXAMPLES = ("--hypothesis-profile=quick",)  # see tests/conftest.py; a full run tries more
SOME_FAILED = 1  # pytest's exit code; any other one is no matter of single tests
HEADING = "FLAKY: failed, and passed when it ran again, alone. Mend its cause next:"


@dataclass(frozen=True)
class Step:
    """One check: its name, its command line, and whether its output is shown as it comes.

    again: it is pytest; what fails runs once more at the end, alone, and may pass then.
    """

    name: str
    command: list[str]
    live: bool = False
    again: bool = False


def steps(
    *, fast: bool, pytest_arguments: list[str], again: bool = False, root: Path = ROOT
) -> list[Step]:
    """What `./lab test` runs, in order, the quickest first."""
    shell_scripts = [script for script in SHELL_SCRIPTS if (root / script).is_file()]
    less = [*(f"--ignore={folder}" for folder in NEED_MORE), *FEW_EXAMPLES] if fast else []
    processes = FAST_PROCESSES if fast else PROCESSES
    found = [
        Step("ruff check", ["ruff", "check", "--quiet", "."]),
        Step("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
        Step("shellcheck", ["shellcheck", *shell_scripts]),
        Step("mypy", ["mypy", "--no-error-summary"]),
        Step(
            "pytest",
            ["pytest", "-q", f"-n{processes}", *BY_FILE, *less, *pytest_arguments],
            live=True,
            again=again,
        ),
    ]
    return [step for step in found if not (fast and step.name == "mypy")]


def run_checks(
    *, fast: bool, pytest_arguments: list[str], again: bool = False, root: Path = ROOT
) -> int:
    """Run every step of `./lab test`; return 0 if all passed, else 1.

    again: run the tests that failed once more at the end, alone; those that pass then are named
    as flaky, and do not make the run fail.
    """
    todo = steps(fast=fast, pytest_arguments=pytest_arguments, again=again, root=root)
    failed = run_steps(todo, root)
    if failed:
        click.echo(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def run_steps(todo: list[Step], root: Path) -> list[str]:
    """Run the steps, also after one that fails, and return the names of those that failed.

    Raises LabError where a tool is not installed.
    """
    environment = child_environment(**_tidy())
    for step in todo:
        if not shutil.which(step.command[0], path=environment["PATH"]):
            pip = f"{in_shell(sys.executable)} -m pip"
            hint = f"{pip} install --require-hashes -r requirements-dev.lock"
            raise LabError(f"{step.command[0]} is not installed", hint)
    return [step.name for step in todo if not _passes(step, environment, root)]


def _passes(step: Step, environment: dict[str, str], root: Path) -> bool:
    if not step.again:
        return _run(step, environment, root) == 0
    with tempfile.TemporaryDirectory() as cache:  # a cache that knows of this run alone
        own_cache = ["-o", f"cache_dir={cache}"]
        code = _run(replace(step, command=[*step.command, *own_cache]), environment, root)
        failed = failed_tests(Path(cache)) if code == SOME_FAILED else []
        if not failed:
            return code == 0
        return run_again(failed, [step.command[0], "-q", *own_cache], root, environment)


def _run(step: Step, environment: dict[str, str], root: Path) -> int:
    """Run one step, and return its exit code.

    Its output is shown if it failed, or as it comes if it is live.
    """
    start = time.monotonic()
    done = subprocess.run(
        step.command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if step.live else subprocess.PIPE,
        stderr=None if step.live else subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - start
    result = "ok" if done.returncode == 0 else f"failed, exit code {done.returncode}"
    click.echo(f"{step.name:<12} {result} ({seconds:.1f} s)")
    if done.returncode and not step.live:
        click.echo(done.stdout)
    sys.stdout.flush()
    return done.returncode


def _tidy() -> dict[str, str]:
    """Settings that keep every tool's files inside .lab; pyproject.toml holds the others."""
    if os.environ.get("PYTHONPYCACHEPREFIX"):
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "1"}


def failed_tests(cache: Path) -> list[str]:
    """The tests that failed in the run with this cache folder: ["tests/test_a.py::test_one"].

    pytest writes the file at the end of a run, for its own --last-failed.
    """
    try:
        return sorted(json.loads((cache / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def run_again(
    failed: Iterable[str], command: list[str], root: Path, environment: dict[str, str]
) -> bool:
    """Run each test in a process of its own, one after another; True if all of them passed.

    command: pytest, ready for the name of one test.  Prints which ones passed now, and which
    ones failed twice.
    """
    results = {test: _passes_alone([*command, "-n0", test], root, environment) for test in failed}
    _print_list(HEADING, (test for test, passed in results.items() if passed))
    _print_list("failed twice:", (test for test, passed in results.items() if not passed))
    return bool(results) and all(results.values())


def _passes_alone(command: list[str], root: Path, environment: dict[str, str]) -> bool:
    click.echo(f"again, alone: {command[-1]}")
    done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _print_list(heading: str, tests: Iterable[str]) -> None:
    names = list(tests)
    if names:
        click.echo("\n    ".join([heading, *names]))
