"""Programs of Celery's that a lesson or a test starts for itself: a worker, a Beat."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lab_home import LAB_HOME
from labkit.errors import LabError, in_shell
from labkit.processes.identity import ProcessId
from labkit.processes.records import folder_for_a_while, record_of_this_process
from labkit.processes.signals import signals_held_back
from labkit.processes.start import start_process
from labkit.waiting import wait_until

READY_TIMEOUT_S = 90  # a node is ready in about 1 s; six at once on a busy machine took 30 s
STOP_TIMEOUT_S = 30  # longer than any lesson's last task
HURRIED_STOP_S = 3  # after Ctrl-C, or an error, nobody wants to wait for the last task
POLL_S = 0.05

Trouble = Callable[[], LabError | None]
_troubles: list[Trouble] = []  # of what nodes that start now cannot do without


@contextmanager
def needed(trouble: Trouble) -> Iterator[None]:
    """Let nodes that start in this block wait no longer once `trouble` gives an error.

    trouble: says what is wrong with something that they need, such as a lesson's own broker.
    """
    _troubles.append(trouble)
    try:
        yield
    finally:
        _troubles.remove(trouble)


class Node:
    """A running program of Celery's: its name (lesson02@host), its process, its log file."""

    kind = "node"  # what it is called in errors

    def __init__(self, name: str, process: subprocess.Popen, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.identity = ProcessId.of(process.pid)
        self._sent: set[int] = set()  # signals

    def wait_until_ready(self, line: str) -> None:
        """Wait until it has written `line` to its log.

        Raises LabError if it ends or does not write that in READY_TIMEOUT_S seconds, and at once
        if something has gone that it needs: see needed().
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        while line not in self.log.read_text(errors="replace"):
            for trouble in _troubles:
                if error := trouble():
                    raise error
            wrong = ""
            if self.process.poll() is not None:
                wrong = f"ended with exit code {self.process.returncode}"
            elif time.monotonic() > deadline:
                wrong = f"was not ready in {READY_TIMEOUT_S} s"
            if wrong:
                raise LabError(f"the {self.kind} {self.name} {wrong}", f"tail {in_shell(self.log)}")
            time.sleep(POLL_S)

    def ask_to_stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Send the signal (TERM: warm), once: a second TERM can kill a worker that is leaving."""
        if signal_number not in self._sent and self.process.poll() is None:
            self._sent.add(signal_number)
            self.process.send_signal(signal_number)

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
        self.identity.kill_group()
        self.process.kill()  # after a step of the clock it has another start time
        self.process.wait()


SomeNode = TypeVar("SomeNode", bound=Node)


@contextmanager
def started(
    kind: type[SomeNode],
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    show: bool = True,
) -> Iterator[SomeNode]:
    """Start a program in a process group of its own; stop it on the way out.

    After Ctrl-C it gets HURRIED_STOP_S seconds, and a line on standard error says that it ended.
    Its output goes to LAB_HOME/logs/NAME.log.  show: print the command.
    Its temporary files go into a folder that is removed: one that is killed leaves them.
    """
    with folder_for_a_while(LAB_HOME, name) as folder:
        ours = {"TMPDIR": str(folder)} | dict(environment or {})
        with _started(kind, name, command, ours, show=show) as node:
            yield node


@contextmanager
def _started(
    kind: type[SomeNode],
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    show: bool,
) -> Iterator[SomeNode]:
    if show:
        print(f"$ {shlex.join(command)}", flush=True)
    logs = LAB_HOME / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    log.write_text("")
    record = record_of_this_process(LAB_HOME)
    node = None
    try:
        with signals_held_back():
            process = start_process(command, log, environment)
            node = kind(f"{name}@{socket.gethostname()}", process, log)
            record.add(name, node.identity)
        yield node
    except KeyboardInterrupt:
        with signals_held_back():  # a second Ctrl-C must not end the clean-up
            if node:
                node.stop(timeout_s=HURRIED_STOP_S)
                print(f"stopped the {kind.kind} {node.name}", file=sys.stderr, flush=True)
        raise
    except BaseException:  # nobody waits for a lesson that has failed
        if node:
            node.stop(timeout_s=HURRIED_STOP_S)
        raise
    finally:
        if node:
            node.stop()
            node.identity.kill_group()
            record.remove(node.identity)


def line_with(node: Node, text: str, timeout_s: float) -> str:
    """The last line of its log that holds `text`, as soon as there is one; "" if none comes."""

    def lines() -> list[str]:
        log = node.log.read_text(errors="replace").splitlines()
        return [line for line in log if text in line]

    return lines()[-1] if wait_until(lambda: bool(lines()), timeout_s) else ""
