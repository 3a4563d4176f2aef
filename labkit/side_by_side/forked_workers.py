"""A worker that is started, and killed, many times: see labkit.side_by_side.nursery."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lab_home import LAB_HOME
from labkit.errors import LabError, in_shell
from labkit.processes.program import STOP_TIMEOUT_S, Program
from labkit.processes.records import folder_for_a_while, record_of_this_process
from labkit.processes.signals import signals_held_back

# Without heartbeats, a worker with events off makes nothing on a RabbitMQ that is not its own.
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=info")


class ForkedWorker:
    """One worker at a time, always of the same kind."""

    def __init__(self, name: str, nursery: Program) -> None:
        self.name = name
        self.log = nursery.log
        self._nursery = nursery

    def start(self) -> int:
        """Start it; kill the one before.  Return its process id, which is its group's, too."""
        return self._say("start")

    def kill(self) -> None:
        """Kill -9 it with its pool, as a crash of the machine would; wait for its end."""
        self._say("kill")

    def _say(self, word: str) -> int:
        try:
            print(word, file=self._nursery.process.stdin, flush=True)
            return int(self._nursery.process.stdout.readline())
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
    program = [sys.executable, "-m", "labkit.side_by_side.nursery", module, *arguments, *ALONE]
    program += ["--", *settings] if settings else []
    with folder_for_a_while(LAB_HOME, name) as folder:  # what killed workers leave goes with it
        ours = {"TMPDIR": str(folder)} | dict(environment or {})
        nursery = Program(name, program, LAB_HOME / "logs" / f"{name}.log", ours)
        with _running(nursery):
            yield ForkedWorker(name, nursery)


@contextmanager
def _running(nursery: Program) -> Iterator[None]:
    """Start the program that forks the workers; end it, with the last of them, after the block."""
    record = record_of_this_process(LAB_HOME)
    try:
        with signals_held_back():
            nursery.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            record.add(nursery.name, nursery.identity)
        yield
    finally:
        if nursery.started:
            with signals_held_back():
                try:
                    nursery.process.communicate(timeout=STOP_TIMEOUT_S)  # closes its input
                except subprocess.TimeoutExpired:
                    nursery.kill()
                record.remove(nursery.identity)
