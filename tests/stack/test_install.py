"""The three ways to install, each from a fresh copy of the project, with a space in its path.

They need the package index: without it they skip, or fail where LAB_REQUIRE names "install".
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.labs import copy_of_the_tree

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NO_INDEX = "Retrying|Failed to fetch|Request failed|ConnectionError|does not answer"
# What an active environment, or the lab that runs these tests, would bring along.
OTHERS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "UV_PROJECT_ENVIRONMENT",
    "LAB_HOME",
    "LAB_FILES",
    "REDIS_URL",
)


class Copy:
    """A fresh copy of the project, and commands in it as a person types them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve() / "fresh copy"
        environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
        environment |= {"PIP_RETRIES": "1", "UV_HTTP_RETRIES": "1"}  # offline is known at once
        # The tests' own programs are not on a newcomer's PATH.
        programs = environment["PATH"].split(os.pathsep)
        own = str(Path(sys.executable).parent)
        self.environment = environment | {
            "PATH": os.pathsep.join(each for each in programs if each != own)
        }
        copy_of_the_tree(self.root)

    def run(self, *command: str | Path, folder: Path | None = None) -> str:
        """Run a command that must succeed; return what it prints."""
        done = subprocess.run(
            command,
            cwd=folder or self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        if done.returncode and re.search(NO_INDEX, said):
            sentence = "the package index does not answer, so nothing can be installed"
            if "install" in os.environ.get("LAB_REQUIRE", "").split(","):
                pytest.fail(f"{sentence}\n{said}")
            pytest.skip(sentence)
        assert done.returncode == 0, said
        return said

    def check(self, environment: Path) -> None:
        """The lab can be imported from anywhere, from this copy, and git sees nothing new."""
        question = "import celery_app, tasks; print(celery_app.app.main, celery_app.__file__)"
        answer = self.run(environment / "bin/python", "-c", question, folder=Path("/"))
        assert answer == f"celery_learning {self.root}/celery_app.py\n"
        assert self.run("git", "status", "--porcelain") == ""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_the_lab_command_installs_itself_and_a_lesson_runs(copy):
    assert "the lab runs on Celery 5.7" in copy.run("./lab", "--version")
    assert "as promised" in copy.run(copy.root / "lab", "run", "01", folder=Path("/"))
    copy.check(copy.root / ".venv")


def test_uv_sync_gives_a_working_environment_which_the_lab_command_takes_over(copy):
    if not shutil.which("uv", path=copy.environment["PATH"]):
        pytest.skip("uv is not on this machine; pip install uv")
    copy.run("uv", "sync")
    copy.check(copy.root / ".venv")
    assert "Celery 5.7" in copy.run(copy.root / ".venv/bin/lab", "--version")
    assert "Celery 5.7" in copy.run("./lab", "--version")
    copy.check(copy.root / ".venv")


def test_pip_install_in_editable_mode_gives_a_working_environment(copy, tmp_path):
    environment = tmp_path / "my environment"
    copy.run("python3", "-m", "venv", environment)
    copy.run(environment / "bin/python", "-m", "pip", "install", "--editable", ".")
    assert "Celery 5.7" in copy.run(environment / "bin/lab", "--version", folder=Path("/"))
    copy.check(environment)
