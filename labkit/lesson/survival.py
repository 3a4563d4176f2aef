"""What is left of work when the script that gave it away is gone.

For each way to give work away, the lesson's own file is started again as a script, twice.  Each
script hands a job over and says so.  One of them is killed then, and the other one may end.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab_home import LAB_FILES
from labkit.processes.identity import ProcessId
from work.ledger import Ledger

Way = Callable[[Ledger, str], None]  # it gets a ledger and a job, which it notes there
LOST, LATER = "work lost", "work done later"


# -- In the script ------------------------------------------------------------------------------


def run_as_script(ways: Mapping[str, Way]) -> bool:
    """Hand a job over in the way that the command line names; False where it names none."""
    if len(sys.argv) == 1:
        return False
    way, run, job = sys.argv[1:]
    ways[way](Ledger(LAB_FILES / "ledgers", run), job)
    return True


def say_so_and_stay() -> None:
    """Tell the lesson that the job has been handed over, and wait until the script may end."""
    print("handed over", flush=True)
    sys.stdin.read()  # returns when the lesson closes our input


# -- In the lesson ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """One way, when both of its scripts are gone; their jobs are "WAY ended" and "WAY killed"."""

    way: str
    ledger: Ledger
    pid: int  # of the script that ended
    took_s: float  # from when it was allowed to end
    ended_at: float  # seconds since 1970

    def both_done(self) -> bool:
        """True when both jobs have come to their end."""
        return all(self.ledger.find("END", f"{self.way} {how}") for how in ("ended", "killed"))

    def killed(self) -> str:
        """What came of the job whose script was killed: LATER or LOST."""
        return LATER if self.ledger.find("END", f"{self.way} killed") else LOST

    def ended(self) -> str:
        """What came of the job whose script ended: LATER, LOST or "it waits 1.2 s"."""
        end = self.ledger.find("END", f"{self.way} ended")
        if end is None:
            return LOST
        return f"it waits {self.took_s:.1f} s" if end.time < self.ended_at else LATER

    def done_by(self) -> str:
        """Who did the work of the script that ended."""
        start = self.ledger.find("START", f"{self.way} ended")
        if start is None:
            return "nobody"
        here = start.host == socket.gethostname()
        if here and start.pid == self.pid:
            return "the script itself"
        return "its child" if here and start.group == self.pid else "a process apart"

    def row(self) -> tuple[str, ...]:
        """The cells of a table: way, ended, killed, done by, and whether elsewhere would do."""
        elsewhere = "possible" if self.done_by() == "a process apart" else "no"
        return self.way, self.ended(), self.killed(), self.done_by(), elsewhere


def try_way(way: str, ledger: Ledger) -> Tried:
    """Start the script of a way and kill it; start it again and let it end."""
    killed = _handed_over(way, ledger, "killed")
    # Killing the script alone would leave its child process behind, which waits for ever.
    ProcessId.of(killed.pid).kill_group()
    killed.communicate()

    ended = _handed_over(way, ledger, "ended")
    start = time.monotonic()
    ended.communicate()  # closes its input, and waits for its end
    return Tried(way, ledger, ended.pid, time.monotonic() - start, time.time())


def _handed_over(way: str, ledger: Ledger, how: str) -> subprocess.Popen[str]:
    """Start a script; return when it has handed its job over."""
    script: Any = subprocess.Popen(
        [sys.executable, sys.argv[0], way, ledger.run, f"{way} {how}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # it leads a process group: itself and all that it starts
    )
    script.stdout.readline()
    return script
