"""A fresh copy of the project, as somebody has it who has cloned it a moment ago."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.stack.helpers.labs import copy_of_the_tree

# As `./lab --version` says it; pip may bring a newer patch than we have.
CELERY = f"Celery {version('celery').rpartition('.')[0]}"

NO_INDEX = "Retrying|Failed to fetch|Request failed|ConnectionError|does not answer"
# What an active environment, or the lab that runs these tests, would bring along.
OTHERS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "UV_PROJECT_ENVIRONMENT",
    "LAB_HOME",
    "LAB_FILES",
    "REDIS_URL",
    "DATABASE_URL",
    "SMTP_URL",
    "AMQP_URL",
)


class FreshCopy:
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
