"""A worker in the background, by `celery multi`: it leaves its parent and lives by its pid file."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from lab_home import LAB_HOME
from labkit.commands import Command
from labkit.processes import ProcessId
from labkit.waiting import wait_until

TIMEOUT_S = 30  # it writes its pid file in about 1 s; the rest is for a busy machine


class Multi:
    """`celery multi VERB NAME`, with pid file and log file in LAB_HOME."""

    def __init__(self, name: str, *options: str) -> None:
        self.name = name
        self.options = options
        self.pid_file = LAB_HOME / f"{name}.pid"
        # It starts the worker through a shell's words, and a space would tear a path apart.
        paths = (Path(sys.executable), LAB_HOME)
        self.spoiled_by = next((path for path in paths if " " in str(path)), None)

    def run(self, verb: str) -> tuple[str, str]:
        """Run "start", "restart" or "stopwait" to its end.

        Returns its line as a person types it, and the last line that it printed about the worker.
        """
        files = [f"--pidfile={LAB_HOME}/%n.pid", f"--logfile={LAB_HOME}/logs/%n%I.log"]
        words = ["celery", "multi", verb, self.name, "-A", "celery_app", *files, *self.options]
        if self.spoiled_by:
            return Command.line_of(words), f"> left out: {self.spoiled_by} holds a space"
        with Command(*words, "--no-color") as command:
            command.end()
            about = [
                line.strip() for line in command.text().splitlines() if f"{self.name}@" in line
            ]
        return Command.line_of(words), about[-1] if about else "> nothing"

    def process(self) -> ProcessId | None:
        """The worker's main process, if one runs whose command line names our pid file."""
        with suppress(OSError, ValueError, psutil.Error):
            pid = int(self.pid_file.read_text())
            if any(str(self.pid_file) in word for word in psutil.Process(pid).cmdline()):
                return ProcessId.of(pid)
        return None

    def wait_for_another_than(self, before: ProcessId | None) -> ProcessId | None:
        """Wait until it runs as another process than before; None if it does not."""
        if not self.spoiled_by:
            wait_until(lambda: self.process() not in {None, before}, TIMEOUT_S)
        return self.process()


@contextmanager
def multi(name: str, *options: str) -> Iterator[Multi]:
    """Give a Multi; what still runs of it at the end is killed.

    options: of `celery worker`, such as "--concurrency=1".
    """
    one = Multi(name, *options)
    try:
        yield one
    finally:
        if process := one.process():
            with suppress(psutil.Error):
                for member in psutil.Process(process.pid).children(recursive=True):
                    member.kill()
            process.send(signal.SIGKILL)
            process.wait(TIMEOUT_S)
            one.pid_file.unlink(missing_ok=True)
