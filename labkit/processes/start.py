"""Start a process the lab's way: its own group, its output in a log file, our programs first."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab_home import ROOT
from labkit.processes.marks import mark


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a child process: as if this interpreter's environment were active.

    It holds the mark by which the process is found if we are killed (labkit/processes/marks.py).
    """
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    active = {"PATH": path, "VIRTUAL_ENV": sys.prefix, "PYTHONUNBUFFERED": "1"}
    return os.environ | active | mark() | changes


def start_process(
    command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> subprocess.Popen:
    """Start a command in the lab's folder; its output is added to `log`.

    environment: changes to ours.  The process leads a group of its own, so that Ctrl-C reaches
    us alone and we decide about the order in which things stop.
    """
    with log.open("a") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=child_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
