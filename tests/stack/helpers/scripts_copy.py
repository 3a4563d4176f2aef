"""The start scripts in a folder of their own, with a stand-in for celery."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab_home import ROOT
from tests.helpers.stand_ins import program

# Says how it was called; a Beat also writes its pid file, and runs until its input is closed.
CELERY = """\
#!/bin/sh
for word; do printf 'got %s\\n' "$word"; done
for word; do case $word in --pidfile=*) echo $$ >"${word#*=}" ;; esac; done
echo "in $PWD with pid $$ from $0"
case " $* " in *" beat --loglevel"*) while read -r _; do :; done ;; esac
"""


class Scripts:
    """A copy of the start scripts in a folder with a space in its name, and a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = (folder / "my lab").resolve()
        self.tools = folder / "tools"
        for name in (
            "start_worker.sh",
            "start_beat.sh",
            "labkit/start.sh",
            "lab_env.py",
            "lab_home.py",
        ):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        program(self.tools / "celery", CELERY)
        program(self.tools / "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')

    def start(self, script: str, *arguments: str, folder: str = "/", **environment: str):
        """Start a script in `folder`; its input stays open until the test closes it."""
        return subprocess.Popen(
            [self.root / script, *arguments],
            cwd=folder,
            env={"PATH": f"{self.tools}:{os.defpath}", "HOME": str(self.root)} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, **environment: str):
        """Run a script to its end: (exit code, standard output, standard error)."""
        process = self.start(script, *arguments, **environment)
        output, errors = process.communicate(timeout=30)
        return process.returncode, output, errors


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def received(output: str) -> list[str]:
    """The arguments that the stand-in for celery was given."""
    return re.findall(r"^got (.*)$", output, re.MULTILINE)
