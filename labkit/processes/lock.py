"""Locks on files: the system gives one back when its holder ends, however that ends.

They keep two runs of one thing apart, which would take each other's messages, or files.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Self

from lab_home import LAB_HOME
from labkit.errors import LabError, cannot_write
from labkit.processes.identity import ProcessId
from labkit.waiting import wait_until

LOOKERS_S = 0.3  # somebody who only asks whether it is held holds it for a moment


class Lock:
    """An exclusive lock on a file, which can name its holder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self) -> bool:
        """Take the lock; False if another program has it.

        Raises LabError if its file cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self.path.open("a+")
        except OSError as error:
            raise cannot_write(error) from None
        if wait_until(lambda: _locked(self._file.fileno(), fcntl.LOCK_EX), LOOKERS_S):
            return True
        self._file.close()
        return False

    def sign(self) -> None:
        """Write down who we are, for holder()."""
        me = ProcessId.of(os.getpid())
        self._file.truncate(0)
        self._file.write(f"{me.pid} {me.started}")
        self._file.flush()

    def release(self) -> None:
        """Give the lock back."""
        self._file.truncate(0)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def in_place(self) -> bool:
        """True while the file that we hold is the one that others find: its folder is still there.

        Somebody may remove or move the folder of a running lab, and start another one there.
        """
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    def holder(self) -> ProcessId | None:
        """Who holds the lock and has signed it; None if nobody does."""
        # Who has it writes its name in the next moment.
        return wait_until(self._signed_by, LOOKERS_S, as_long_as=self.held)

    def _signed_by(self) -> ProcessId | None:
        if self.held():  # else it is the name of a program that was killed
            with contextlib.suppress(OSError, ValueError):
                pid, started = self.path.read_text().split()
                if (holder := ProcessId(int(pid), float(started))).running():
                    return holder
        return None

    def held(self) -> bool:
        """True if a running program holds the lock."""
        try:
            with self.path.open() as file:
                return not _locked(file.fileno(), fcntl.LOCK_SH)
        except OSError:  # no such file: nobody ever held it
            return False


def _locked(descriptor: int, how: int) -> bool:
    """Try to lock an open file; False if somebody else has it."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def alone_with(name: str, what: str, again: str) -> Lock:
    """Hold the lock LAB_HOME/locks/NAME until it is released, or its block has ended.

    what, again: for the error, such as "02" and "./lab run 02".
    Raises LabError if another program holds it, or if it cannot be written.
    """
    lock = Lock(LAB_HOME / "locks" / name)
    if not lock.take():
        raise LabError(
            f"{what} runs in another terminal at this moment; it can run here when that has ended",
            again,
        )
    return lock
