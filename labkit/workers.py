"""A worker of one's own, for lessons and tests that may not disturb the shared ones."""

import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lab_home import LAB_HOME
from labkit.errors import LabError
from labkit.processes import ProcessId
from labkit.records import record_of_this_process
from labkit.signals import signals_held_back
from labkit.spawn import start_process

READY_TIMEOUT_S = 30  # a node is ready in about 1 s; the rest is for a busy machine
STOP_TIMEOUT_S = 30  # longer than any lesson's last task
POLL_S = 0.05


class Node:
    """A running program of Celery's: its name (lesson02@host), its process, its log file."""

    kind = "node"  # what it is called in errors

    def __init__(self, name: str, process: subprocess.Popen, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.identity = ProcessId.of(process.pid)

    def stop(self, signal_number: int = signal.SIGTERM, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Send the signal (TERM: warm) and wait for the end; return the exit code.

        What is still there after timeout_s is killed with its whole group.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.process.wait()

    def kill(self) -> None:
        """Kill -9 it and what it started (a worker's pool), as a crash of the machine would."""
        self.identity.kill_group()
        self.process.wait()


class Worker(Node):
    """A running worker."""

    kind = "worker"


def worker_command(
    name: str, queues: Sequence[str], options: Sequence[str], settings: Sequence[str]
) -> list[str]:
    """The line that starts a worker, as a person would type it."""
    line = ["./start_worker.sh", "-n", f"{name}@%h", f"--queues={','.join(queues)}", *options]
    return [*line, "--", *settings] if settings else line


@contextmanager
def own_worker(
    name: str,
    queues: Sequence[str],
    *options: str,
    settings: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    show: bool = True,
) -> Iterator[Worker]:
    """Start a worker for some queues; give it when it answers; stop it on the way out.

    options: further options of `celery worker`, such as "--concurrency=1", "--pool=threads".
    settings: Celery settings for this worker only, such as "task.acks_late=True".  What has an
        option of its own must be given as one: "--prefetch-multiplier=1", "--concurrency=1".
    environment: changes to its environment, such as {"REDIS_URL": ...}.
    show: print the line that starts it.
    Raises LabError if it ends or does not answer in READY_TIMEOUT_S seconds.
    """
    command = worker_command(name, queues, options, settings)
    ready = f"{name}@{socket.gethostname()} ready."
    with started(Worker, name, command, ready, environment=environment, show=show) as worker:
        yield worker


SomeNode = TypeVar("SomeNode", bound=Node)


@contextmanager
def started(
    kind: type[SomeNode],
    name: str,
    command: Sequence[str],
    ready: str,
    *,
    environment: Mapping[str, str] | None,
    show: bool,
) -> Iterator[SomeNode]:
    """Start a program in a process group of its own; give it when it is ready; stop it after.

    ready: what it writes to its log, LAB_HOME/logs/NAME.log, when it is.
    Raises LabError if it ends or does not write that in READY_TIMEOUT_S seconds.
    """
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
            process = start_process(command, log, environment or {})
            node = kind(f"{name}@{socket.gethostname()}", process, log)
            record.add(name, node.identity)
        _wait_until_ready(node, ready)
        yield node
    finally:
        if node:
            node.stop()
            node.identity.kill_group()
            record.remove(node.identity)


def _wait_until_ready(node: Node, line: str) -> None:
    what = f"the {node.kind} {node.name}"
    deadline = time.monotonic() + READY_TIMEOUT_S
    while line not in node.log.read_text(errors="replace"):
        if node.process.poll() is not None:
            raise LabError(
                f"{what} ended with exit code {node.process.returncode}", f"tail {node.log}"
            )
        if time.monotonic() > deadline:
            raise LabError(f"{what} was not ready in {READY_TIMEOUT_S} s", f"tail {node.log}")
        time.sleep(POLL_S)
