"""Which lab runs here, and what it says about itself: the lock that it holds, and stack.json.

Every command asks running_lab(): it names the process that was started, by pid and start time.
"""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from labkit.errors import LabError, cannot_write
from labkit.processes.files import replace_file
from labkit.processes.identity import ProcessId

STATE_FILE = "stack.json"
LOOKERS_S = 0.3  # somebody who only asks whether it is held holds it for a moment


class StackLock:
    """An exclusive lock on `home`; the system releases it when the holder ends, however it ends."""

    def __init__(self, home: Path) -> None:
        self.path = home / "lock"

    def acquire(self) -> None:
        """Take the lock, or raise LabError that names the holder.

        A stack.json that is there now is of a killed lab, whose process id may be another
        program's by now; it goes before anybody can take it for ours.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = self.path.open("a+")
        except OSError as error:
            raise cannot_write(error) from None
        if not self._try_for(LOOKERS_S):
            self.file.seek(0)
            holder = self.file.read().partition(" ")[0] or "unknown"
            self.file.close()
            raise LabError(f"a lab is already up here (process {holder})", "./lab status")
        (self.path.parent / STATE_FILE).unlink(missing_ok=True)
        self.file.truncate(0)
        me = ProcessId.of(os.getpid())
        self.file.write(f"{me.pid} {me.started}")
        self.file.flush()

    def _try_for(self, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)

    def release(self) -> None:
        """Give the lock back."""
        self.file.truncate(0)
        self.file.close()

    def in_place(self) -> bool:
        """True while the file that we hold is the one that others find: its folder is still there.

        Somebody may remove or move the folder of a running lab, and start another one there.
        """
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self.file.fileno()))
        except OSError:
            return False

    def holder(self) -> ProcessId | None:
        """Who holds the lock; None if nobody does."""
        deadline = time.monotonic() + LOOKERS_S
        while self.held() and time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                pid, started = self.path.read_text().split()
                if (holder := ProcessId(int(pid), float(started))).running():
                    return holder
            time.sleep(0.01)  # it has the lock, and writes its name this moment
        return None

    def held(self) -> bool:
        """True if a running lab holds the lock."""
        try:
            with self.path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no such file: nobody was ever up here
            return False
        return False


def running_lab(home: Path) -> ProcessId | None:
    """The process of the `./lab up` that runs, or starts, in this folder; None if there is none."""
    return StackLock(home).holder()


def process_of(child: dict[str, Any]) -> ProcessId:
    """The process that an entry of stack.json names."""
    return ProcessId(child["pid"], child["started"])


def processes_of(state: dict[str, Any] | None, kind: str) -> list[ProcessId]:
    """The parts of a kind ("worker", "mail", ...) that this stack.json names, but those given up.

    One that has ended is about to be started again.
    """
    if not state:
        return []
    some = [child for child in state["children"] if child["kind"] == kind]
    return [process_of(child) for child in some if child["name"] not in state["given_up"]]


def write_state(home: Path, state: dict[str, Any]) -> None:
    """Replace stack.json in one step, so that a reader never sees half of it."""
    replace_file(home / STATE_FILE, json.dumps(state, indent=2))


def read_state(home: Path) -> dict[str, Any] | None:
    """stack.json of the lab that runs here now: Parts.save names its keys; else None."""
    lab = running_lab(home)
    try:
        state = json.loads((home / STATE_FILE).read_text()) if lab else None
    except (OSError, ValueError):
        return None
    return state if lab and state and state["launcher"] == lab.pid else None
