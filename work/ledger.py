"""The ledger: what really happened, written down by the work itself.

A task's state is what somebody reported about it, and a report can be wrong or missing.  A line
in the ledger is written by the process that did the work, in the moment when it did it.

    {"event": "END", "job": "seat 12A", "host": "vm", "pid": 4711, "group": 4700, "time": 1763.5}
"""

import json
import os
import re
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One line: START or END of one job."""

    event: str
    job: str
    host: str  # the machine, or the container: each counts its processes from 1
    pid: int  # the process that wrote it
    group: int  # its process group: a program and the processes that it started share one
    time: float  # seconds since 1970


class Ledger:
    """An append-only file that several processes write, named by a run: FOLDER/RUN.jsonl.

    Raises ValueError unless run is letters, digits, '.', '-' and '_', and begins with a letter.
    """

    def __init__(self, folder: Path, run: str) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,99}", run):
            raise ValueError(f"run must be letters, digits, '.', '-' and '_', got {run!r}")
        self.run = run
        self.path = folder / f"{run}.jsonl"

    def note(self, event: str, job: str) -> None:
        """Append one line.  Each line is one write, so that lines of two processes never mix."""
        entry = Entry(event, job, socket.gethostname(), os.getpid(), os.getpgrp(), time.time())
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(asdict(entry)).encode() + b"\n")

    def entries(self) -> list[Entry]:
        """Every line so far, in the order of writing; [] before the first one."""
        if not self.path.exists():
            return []
        return [Entry(**json.loads(line)) for line in self.path.read_text().splitlines()]

    def find(self, event: str, job: str) -> Entry | None:
        """The first line with this event and job, if there is one."""
        matching = (entry for entry in self.entries() if (entry.event, entry.job) == (event, job))
        return next(matching, None)

    def remove(self) -> None:
        """Delete the file, if it is there."""
        self.path.unlink(missing_ok=True)
