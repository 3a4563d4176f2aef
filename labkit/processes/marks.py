"""A mark in the environment of everything that the lab starts: who started it.

A record (labkit/processes/records.py) can be written only when a process runs, and a lesson that
is killed before that, or whose folder is removed, would leave it for ever.  The mark is there from
the first moment, and what a marked process starts inherits it.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from lab_home import LAB_HOME
from labkit.processes.identity import ProcessId

MARK = "LAB_STARTED_BY"


def mark() -> dict[str, str]:
    """What a process finds in its environment if this process starts it: our pid, our LAB_HOME."""
    return {MARK: f"{os.getpid()} {LAB_HOME}"}


def marked_orphans(home: Path, below: Path) -> Iterator[tuple[str, ProcessId]]:
    """What was started by a process that runs no more, and had this LAB_HOME; with its name.

    below: the folder of LAB_HOMEs that count, too, also those that are removed.
    Of a process group that still has its leader, the leader alone: it ends its own.
    """
    for process in psutil.process_iter():
        # Where the system does not show us the environment, the process is not ours.
        with suppress(psutil.Error, OSError, ValueError):
            starter, _, its_home = process.environ().get(MARK, "").partition(" ")
            if its_home != str(home) and not Path(its_home).is_relative_to(below):
                continue
            pid = int(starter)
            if _runs(pid) and psutil.Process(pid).create_time() <= process.create_time():
                continue  # this is still the process that started it, and no later one
            leader = os.getpgid(process.pid)
            if process.status() != "zombie" and (leader == process.pid or not _runs(leader)):
                yield _program(process), ProcessId(process.pid, process.create_time())


def _runs(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != "zombie"
    return False


def _program(process: psutil.Process) -> str:
    """A short name for a person: "uvicorn" for `/usr/bin/python3 /usr/bin/uvicorn ...`."""
    words = [Path(word).name for word in process.cmdline() if not word.startswith("-")]
    return next((word for word in words if not word.startswith("python")), process.name())
