"""What the running stack says about itself: LAB_HOME/stack.json, and the lock that it holds."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from labkit.errors import LabError

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
            raise LabError(
                f"the lab cannot write its files: {error}",
                "LAB_HOME=/some/folder/of/yours ./lab up",
            ) from None
        if not self._try_for(LOOKERS_S):
            self.file.seek(0)
            holder = self.file.read().strip() or "unknown"
            self.file.close()
            raise LabError(
                f"a lab is already up here (process {holder})", "./lab status, or ./lab down"
            )
        (self.path.parent / STATE_FILE).unlink(missing_ok=True)
        self.file.truncate(0)
        self.file.write(str(os.getpid()))
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


def write_state(home: Path, state: dict[str, Any]) -> None:
    """Replace stack.json in one step, so that a reader never sees half of it."""
    path = home / STATE_FILE
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(state, indent=2))
    temporary.replace(path)


def read_state(home: Path) -> dict[str, Any] | None:
    """stack.json of a lab that runs now: Parts.save names its keys; else None."""
    if not StackLock(home).held():
        return None
    try:
        return json.loads((home / STATE_FILE).read_text())
    except (OSError, ValueError):
        return None
