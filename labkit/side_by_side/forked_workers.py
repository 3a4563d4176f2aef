"""A worker that is started, and killed, many times: see labkit.side_by_side.nursery."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from labkit.errors import LabError, in_shell
from labkit.long_lines import show_command
from labkit.own.program import started
from labkit.processes.program import Program

# Without heartbeats, a worker with events off makes nothing on a RabbitMQ that is not its own.
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat", "--loglevel=info")


class Nursery(Program):
    """The program that forks the workers; its end ends the last of them."""

    kind = "worker"

    def start(self, **_pipes: int | None) -> None:
        """Start it with a pipe for our words, and one for its answers."""
        super().start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)


class ForkedWorker:
    """One worker at a time, always of the same kind."""

    def __init__(self, name: str, nursery: Nursery) -> None:
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
    show_command(line if settings else line[:-1])
    program = [sys.executable, "-m", "labkit.side_by_side.nursery", module, *arguments, *ALONE]
    program += ["--", *settings] if settings else []
    with started(Nursery, name, program, environment, show=False) as nursery:
        yield ForkedWorker(name, nursery)
