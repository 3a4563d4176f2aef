"""A worker that is started, and killed, many times: see labkit.side_by_side.nursery."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab_home import LAB_HOME, ROOT
from labkit.errors import LabError, in_shell
from labkit.processes.identity import ProcessId
from labkit.processes.program import STOP_TIMEOUT_S
from labkit.processes.records import folder_for_a_while, record_of_this_process
from labkit.processes.signals import signals_held_back
from labkit.processes.start import child_environment

# Without heartbeats, a worker with events off makes nothing on a RabbitMQ that is not its own.
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=info")


class ForkedWorker:
    """One worker at a time, always of the same kind."""

    def __init__(self, name: str, process: subprocess.Popen, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    def start(self) -> int:
        """Start it; kill the one before.  Return its process id, which is its group's, too."""
        return self._say("start")

    def kill(self) -> None:
        """Kill -9 it with its pool, as a crash of the machine would; wait for its end."""
        self._say("kill")

    def _say(self, word: str) -> int:
        pipes: Any = self._process  # it has both: forked_worker() asks for them
        try:
            print(word, file=pipes.stdin, flush=True)
            return int(pipes.stdout.readline())
        except (OSError, ValueError):
            wrong = f"the worker {self.name} cannot be started"
            raise LabError(wrong, f"tail {in_shell(self.log)}") from None


@contextmanager
def forked_worker(
    name: str,
    module: str,
    queues: Sequence[str],
    *options: str,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[ForkedWorker]:
    """Print the line that would start it by hand; give it, not yet started; kill it at the end.

    module: the app, such as "tasks.other_app".  The rest is as for labkit.own.workers.own_worker().
    """
    arguments = ["worker", "-n", f"{name}@%h", f"--queues={','.join(queues)}", *options]
    line = ["celery", "-A", module, *arguments, "--", *settings]
    print(f"$ {shlex.join(line if settings else line[:-1])}", flush=True)
    log = LAB_HOME / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    program = [sys.executable, "-m", "labkit.side_by_side.nursery", module, *arguments, *ALONE]
    with (
        folder_for_a_while(LAB_HOME, name) as folder,  # what killed workers leave goes with it
        _nursery(
            name,
            [*program, "--", *settings] if settings else program,
            log,
            {"TMPDIR": str(folder)} | dict(environment or {}),
        ) as process,
    ):
        yield ForkedWorker(name, process, log)


@contextmanager
def _nursery(
    name: str, program: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen]:
    """Start the program that forks the workers; end it, with the last of them, after the block."""
    record = record_of_this_process(LAB_HOME)
    with signals_held_back(), log.open("w") as output:
        process = subprocess.Popen(
            program,
            cwd=ROOT,
            env=child_environment(**environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        identity = ProcessId.of(process.pid)
        record.add(name, identity)
    try:
        yield process
    finally:
        with signals_held_back():
            try:
                process.communicate(timeout=STOP_TIMEOUT_S)  # closes its standard input
            except subprocess.TimeoutExpired:
                identity.kill_group()
            record.remove(identity)
