"""Processes by recorded identity: process id and start time, never by name.

A process id alone is not enough: after the process has ended, the system gives the number to
another one.  The pair (pid, start time) belongs to one process only.
"""

import contextlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

import psutil

from labkit.waiting import wait_until

LOOK_S = 0.05  # between two questions to the system
KILL_TIMEOUT_S = 10  # it takes milliseconds; a process that waits for its disk takes longer
CLOCK_STEP_S = 1.5  # start times are counted from the boot time, which moves when the clock is set


@dataclass(frozen=True)
class ProcessId:
    """One process for ever: its pid and when it started (seconds since 1970)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessId":
        """The identity of a process that runs now; psutil.NoSuchProcess if it does not."""
        return cls(pid, psutil.Process(pid).create_time())

    def running(self) -> bool:
        """True while this very process runs (a zombie has ended)."""
        return self._status() not in {None, psutil.STATUS_ZOMBIE}

    def stopped(self) -> bool:
        """True while this very process is stopped (kill -STOP, Ctrl-Z) and does nothing."""
        return self._status() == psutil.STATUS_STOPPED

    def _status(self) -> str | None:
        """What the system says of it; None if it is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return process.status() if self._same_start(process) else None
        return None

    def group_pids(self) -> str:
        """The pids of its group, as one types them: "4711 4712"."""
        return " ".join(str(one.pid) for one in self.group())

    def group(self) -> list[psutil.Process]:
        """The running members of the process group that this process leads or led.

        The system gives a pid to nobody else while a process group still has that number, so a
        group whose leader has ended consists of what that leader left behind.  Only a restart of
        the machine begins to count anew.
        """
        if self._of_an_earlier_boot():
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            if not self._same_start(psutil.Process(self.pid)):
                return []  # the number belongs to somebody else by now
        members = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                if os.getpgid(process.pid) == self.pid and process.status() != "zombie":
                    members.append(process)
        return members

    def _same_start(self, process: psutil.Process) -> bool:
        return abs(process.create_time() - self.started) < CLOCK_STEP_S

    def _of_an_earlier_boot(self) -> bool:
        """True if the machine, or the container, was started after this process."""
        try:
            first = psutil.Process(1).create_time()  # of the container, where we are in one
        except psutil.Error:  # hidden from us
            first = psutil.boot_time()
        return self.started < first - CLOCK_STEP_S

    def send(self, signal_number: int) -> None:
        """Signal this process alone, if it still runs."""
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)

    def kill_group(self) -> None:
        """SIGKILL this process and everything in its group, and wait until all of it has ended."""
        kill_all(self.group)

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended; False if it still runs after timeout_s seconds."""
        return wait_until(lambda: not self.running(), timeout_s, every_s=LOOK_S)


def kill_all(find: Callable[[], Collection[psutil.Process]]) -> bool:
    """SIGKILL what `find` finds, until it finds nothing; True if there was something.

    A killed process needs a moment to end, and one that was just being started is seen only at
    the second look.
    """
    killed = False

    def all_gone() -> bool:
        nonlocal killed
        members = find()
        for process in members:
            killed = True
            with contextlib.suppress(psutil.Error):
                process.kill()
        return not members

    # psutil's own wait would take the exit code from its parent.
    wait_until(all_gone, KILL_TIMEOUT_S)
    return killed
