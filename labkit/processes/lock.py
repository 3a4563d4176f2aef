"""Keep two runs of one thing apart: they would take each other's messages, or files."""

import fcntl
from typing import IO

from lab_home import LAB_HOME
from labkit.errors import LabError, cannot_write


def alone_with(name: str, what: str, again: str) -> IO:
    """Hold a lock, LAB_HOME/locks/NAME, until the file that is returned is closed.

    The system gives the lock back however the program ends.
    what, again: for the error, such as "02" and "./lab run 02".
    Raises LabError if another program holds it, or if it cannot be written.
    """
    locks = LAB_HOME / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = (locks / name).open("w")
    except OSError as error:
        raise cannot_write(error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise LabError(
            f"{what} runs in another terminal at this moment; it can run here when that has ended",
            again,
        ) from None
    return lock
