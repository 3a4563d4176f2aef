"""A worker of one's own, for lessons and tests that may not disturb the shared ones."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab_home import LAB_HOME, ROOT
from labkit.errors import LabError
from labkit.processes import ProcessId

READY_TIMEOUT_S = 30  # a worker is ready in about 1 s; the rest is for a busy machine
STOP_TIMEOUT_S = 30  # longer than any lesson's last task
POLL_S = 0.05


class Worker:
    """One running worker: its name (lesson02@host), its process, its log file."""

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
        """Kill -9 the worker and its pool, as a crash of the machine would."""
        self.identity.kill_group()
        self.process.wait()


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a child process: this interpreter's programs come first on PATH."""
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"} | changes


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
    if show:
        print(f"$ {shlex.join(command)}", flush=True)
    logs = LAB_HOME / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=child_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Worker(f"{name}@{socket.gethostname()}", process, log)
    try:
        _wait_until_ready(worker)
        yield worker
    finally:
        worker.stop()
        worker.identity.kill_group()


def _wait_until_ready(worker: Worker) -> None:
    """Wait for the line "NAME ready." that a worker writes when it consumes its queues."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while f"{worker.name} ready." not in worker.log.read_text(errors="replace"):
        if worker.process.poll() is not None:
            raise LabError(
                f"the worker {worker.name} ended with exit code {worker.process.returncode}",
                f"tail {worker.log}",
            )
        if time.monotonic() > deadline:
            raise LabError(
                f"the worker {worker.name} was not ready in {READY_TIMEOUT_S} s",
                f"tail {worker.log}",
            )
        time.sleep(POLL_S)
