"""What a process that the lab starts finds in its environment: our programs first, our mark."""

import os
import sys
from pathlib import Path

from labkit.processes.marks import mark

FACTS_FILE = "LAB_FACTS"  # names the file for what `./lab record` keeps: see labkit/own/facts.py


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a child process: as if this interpreter's environment were active.

    It holds the mark by which the process is found if we are killed (labkit/processes/marks.py).
    """
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    active = {"PATH": path, "VIRTUAL_ENV": sys.prefix, "PYTHONUNBUFFERED": "1"}
    return os.environ | active | mark() | changes
