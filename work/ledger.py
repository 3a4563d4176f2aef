"""The ledger: what really happened, written down by the work itself.

A task's state is what somebody reported about it, and a report can be wrong or missing.  A line
in the ledger is written by the process that did the work, in the moment when it did it.

    {"event": "END", "job": "seat 12A", "host": "vm", "pid": 4711, "group": 4700, "time": 1763.5,
     "task_id": "5f0c...", "worker": "lab1@vm", "redelivered": false}
"""

import fcntl
import json
import os
import re
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

LONGEST_LINE_BYTES = 8192  # a line of the lab has about 200


class LedgerError(Exception):
    """The ledger cannot be written (a full disk, no permission) or is damaged."""


@dataclass(frozen=True)
class Delivery:
    """How a job came to the process that does it; "" where no queue brought it."""

    task_id: str = ""
    worker: str = ""  # the name of the worker: lab1@vm
    redelivered: bool = False  # its message had been given to a worker before


@dataclass(frozen=True)
class Entry:
    """One line: START, END, EFFECT or another event of one job."""

    event: str
    job: str  # the business key: what the work is about, such as an order's number
    host: str  # the machine, or the container: each counts its processes from 1
    pid: int  # the process that wrote it
    group: int  # its process group: a program and the processes that it started share one
    time: float  # seconds since 1970
    task_id: str = ""
    worker: str = ""
    redelivered: bool = False


class Ledger:
    """An append-only file that several processes write, named by a run: FOLDER/RUN.jsonl.

    delivery: what each line says about the message that brought the job.
    Raises ValueError unless run is letters, digits, '.', '-' and '_', and begins with a letter.
    """

    def __init__(self, folder: Path, run: str, delivery: Delivery | None = None) -> None:
        if not isinstance(run, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,99}", run):
            raise ValueError(f"run must be letters, digits, '.', '-' and '_', got {run!r:.80}")
        self.run = run
        self.path = folder / f"{run}.jsonl"
        self.delivery = delivery or Delivery()

    def create(self) -> None:
        """Make the empty file, so that a ledger that cannot be written is known at once."""
        self._append(b"")

    def note(self, event: str, job: str) -> None:
        """Append one line.  Raises LedgerError if it cannot be written as a whole.

        A process can be killed at any moment: then its line is there, or it is not.
        """
        who = (socket.gethostname(), os.getpid(), os.getpgrp())
        entry = asdict(Entry(event, job, *who, time.time())) | asdict(self.delivery)
        line = json.dumps(entry).encode() + b"\n"
        if len(line) > LONGEST_LINE_BYTES:
            raise ValueError(f"a line must have at most {LONGEST_LINE_BYTES} bytes: {job!r:.80}")
        self._append(line)

    def _append(self, line: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                # One writer at a time.  The system takes the lock back from a killed process.
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                end = _end_of_last_whole_line(descriptor)
                if os.write(descriptor, line) < len(line):
                    os.ftruncate(descriptor, end)
                    raise OSError("no room for a whole line")
            finally:
                os.close(descriptor)
        except OSError as error:
            why = error.strerror or error
            raise LedgerError(f"the ledger {self.path.name} cannot be written: {why}") from None

    def entries(self) -> list[Entry]:
        """Every line so far, in the order of writing; [] before the first one.

        A last line without its end does not count.  Raises LedgerError for any other line that
        is none of the ledger's.
        """
        if not self.path.exists():
            return []
        *lines, _torn = self.path.read_bytes().split(b"\n")
        entries = []
        for number, line in enumerate(lines, start=1):
            try:
                entries.append(Entry(**json.loads(line)))
            except (ValueError, TypeError):
                raise LedgerError(f"line {number} of {self.path.name} is damaged") from None
        return entries

    def jobs(self, event: str) -> list[str]:
        """The jobs of all lines with this event, in the order of writing."""
        return [entry.job for entry in self.entries() if entry.event == event]

    def find(self, event: str, job: str) -> Entry | None:
        """The first line with this event and job, if there is one."""
        matching = (entry for entry in self.entries() if (entry.event, entry.job) == (event, job))
        return next(matching, None)

    def remove(self) -> None:
        """Delete the file, if it is there."""
        self.path.unlink(missing_ok=True)


def _end_of_last_whole_line(descriptor: int) -> int:
    """Cut off a last line that a killed writer, or a full disk, left without its end."""
    size = os.fstat(descriptor).st_size
    begin = max(0, size - LONGEST_LINE_BYTES)
    tail = os.pread(descriptor, size - begin, begin)
    end = begin + tail.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(descriptor, end)
    return end
