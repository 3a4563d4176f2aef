"""Run once more, alone, what failed in a test run: is it broken, or does it only fail sometimes?"""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import click

SOME_FAILED = 1  # pytest's exit code; any other one is no matter of single tests
HEADING = "FLAKY: failed, and passed when it ran again, alone. Mend its cause next:"


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
    results = {test: _passes([*command, "-n0", test], root, environment) for test in failed}
    _print_list(HEADING, (test for test, passed in results.items() if passed))
    _print_list("failed twice:", (test for test, passed in results.items() if not passed))
    return bool(results) and all(results.values())


def _passes(command: list[str], root: Path, environment: dict[str, str]) -> bool:
    click.echo(f"again, alone: {command[-1]}")
    done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _print_list(heading: str, tests: Iterable[str]) -> None:
    names = list(tests)
    if names:
        click.echo("\n    ".join([heading, *names]))
