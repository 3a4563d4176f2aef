"""A program that the lab starts: its process, which leads a group of its own, and its log."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lab_home import ROOT
from labkit.errors import LabError, in_shell
from labkit.processes.identity import LOOK_S, ProcessId
from labkit.processes.start import child_environment
from labkit.waiting import wait_until

READY_TIMEOUT_S = 90  # Celery's are ready in about 1 s; six at once on a busy machine took 30 s
STOP_TIMEOUT_S = 30  # longer than any lesson's last task

Trouble = Callable[[], LabError | None]
_troubles: list[Trouble] = []  # of what programs that start now cannot do without


@contextmanager
def needed(trouble: Trouble) -> Iterator[None]:
    """Let programs that start in this block wait no longer once `trouble` gives an error.

    trouble: says what is wrong with something that they need, such as a lesson's own broker.
    """
    _troubles.append(trouble)
    try:
        yield
    finally:
        _troubles.remove(trouble)


class Program:
    """One program, not yet started: start() may be called again when it has ended.

    name: what a person calls it (lab1, lesson02@host).  environment: changes to ours.
    process, identity: of the process that start() made last.
    """

    kind = "program"  # what it is called in errors
    process: Any  # a subprocess.Popen; with pipes, where start() was asked for some
    identity: ProcessId

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.variables = dict(environment or {})
        self._log_began = 0  # bytes that were in the log before its start
        self._asked: set[int] = set()  # signals by which we ended it

    def start(self, *, stdin: int = subprocess.DEVNULL, stdout: int | None = None) -> None:
        """Start it in the lab's folder; what it prints is added to its log.

        It leads a process group of its own: Ctrl-C reaches us alone, and we decide in which order
        things stop.  stdin, stdout: as for subprocess.Popen, as text.
        """
        self._asked.clear()
        with self._open_log() as output:
            self._log_began = output.tell()
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=child_environment(**self.variables),
                stdin=stdin,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
                text=True,
            )
        self.identity = ProcessId.of(self.process.pid)

    def _open_log(self) -> IO:
        """The file for its output; somebody may have removed the folder."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("a")

    @property
    def started(self) -> bool:
        """True once there is, or was, a process."""
        return hasattr(self, "identity")

    def running(self) -> bool:
        """True while its process runs."""
        return self.started and self.process.poll() is None

    def ended_by_itself(self) -> bool:
        """True if its process runs no more, although nobody here asked for that."""
        return self.started and not self.running() and not self._asked

    def logged(self) -> str:
        """What it has written to its log since its start; "" if somebody has removed that."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_began)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_until_ready(self, line: str) -> None:
        """Wait until it has written `line` to its log.

        Raises LabError if it ends or does not write that in READY_TIMEOUT_S seconds, and at once
        if something has gone that it needs: see needed().
        """

        def ready() -> bool:
            for trouble in _troubles:
                if error := trouble():
                    raise error
            return line in self.logged()

        if not wait_until(ready, READY_TIMEOUT_S, every_s=LOOK_S, as_long_as=self.running):
            wrong = f"ended with exit code {self.process.returncode}"
            if self.running():
                wrong = f"was not ready in {READY_TIMEOUT_S} s"
            raise LabError(f"the {self.kind} {self.name} {wrong}", f"tail {in_shell(self.log)}")

    def line_with(self, text: str, timeout_s: float) -> str:
        """The last line of its log that holds `text`, as soon as there is one; "" if none comes."""
        wait_until(lambda: text in self.logged(), timeout_s)
        return next((one for one in reversed(self.logged().splitlines()) if text in one), "")

    def send(self, signal_number: int) -> None:
        """Signal its process, if that runs; its pool processes get nothing."""
        if self.running():
            self.process.send_signal(signal_number)

    def ask_to_stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Send the signal (TERM: warm), once: a second TERM can kill a worker that is leaving."""
        if signal_number not in self._asked:
            self._asked.add(signal_number)
            self.send(signal_number)

    def stop(self, signal_number: int = signal.SIGTERM, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send the signal (TERM: warm) and wait for the end; return the exit code.

        What is still there after timeout_s is killed with its whole group.
        """
        self.ask_to_stop(signal_number)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.process.wait()

    def hold(self) -> None:
        """Stop its whole group where it is (kill -STOP), until go_on() or kill()."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let what was held go on (kill -CONT)."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill -9 it and what it started (a worker's pool), as a crash of the machine would."""
        self._asked.add(signal.SIGKILL)
        self.identity.kill_group()
        self.process.kill()  # after a step of the clock it has another start time
        self.process.wait()
