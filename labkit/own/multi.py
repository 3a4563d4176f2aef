"""A worker in the background, by `celery multi`: it leaves its parent and lives by its pid file."""

import shlex
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from lab_home import LAB_HOME
from labkit.long_lines import show_line
from labkit.own.command import Command
from labkit.processes.identity import ProcessId, kill_all
from labkit.processes.signals import signals_held_back
from labkit.waiting import wait_until

TIMEOUT_S = 30  # it writes its pid file in about 1 s; the rest is for a busy machine
VERB_S = 60  # a verb takes about 2 s; the rest is for a busy machine


class Multi:
    """`celery multi VERB NAME`, with pid file and log file in LAB_HOME.

    A thread may run the verbs.  After close() they return at once.
    """

    def __init__(self, name: str, *options: str) -> None:
        self.name = name
        self.options = options
        self.pid_file = LAB_HOME / f"{name}.pid"
        # It starts the worker through a shell's words, and a space would tear a path apart.
        paths = (Path(sys.executable), LAB_HOME)
        self.spoiled_by = next((path for path in paths if " " in str(path)), None)
        self.killed = False  # by close()
        self._closed = threading.Event()
        self._one_verb = threading.Lock()

    def run(self, verb: str) -> tuple[str, str]:
        """Run "start", "restart" or "stopwait" to its end, or until close().

        Returns its line as a person types it, and the last line that it printed about the worker.
        """
        files = [f"--pidfile={LAB_HOME}/%n.pid", f"--logfile={LAB_HOME}/logs/%n%I.log"]
        words = ["celery", "multi", verb, self.name, "-A", "celery_app", *files, *self.options]
        line = f"$ {shlex.join(words)}"
        if self.spoiled_by:
            return line, f"> left out: {self.spoiled_by} holds a space"
        with self._one_verb:
            if self._closed.is_set():
                return line, "> nothing"
            with Command(*words, "--no-color") as command:
                wait_until(lambda: not command.running() or self._closed.is_set(), VERB_S)
                text = command.text()
        about = [one.strip() for one in text.splitlines() if f"{self.name}@" in one]
        return line, about[-1] if about else "> nothing"

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
            wait_until(
                lambda: self._closed.is_set() or self.process() not in {None, before}, TIMEOUT_S
            )
        return self.process()

    def close(self) -> None:
        """End the verb that runs, start no other, and kill the worker.  May be called twice."""
        self._closed.set()
        with self._one_verb:  # now none runs
            # Also what is on its way to become a worker, and has no pid file yet.
            self.killed = kill_all(self._members) or self.killed
        self.pid_file.unlink(missing_ok=True)

    def _members(self) -> set[psutil.Process]:
        """The processes whose command lines name our pid file, and their children."""
        members = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if f"--pidfile={self.pid_file}" in process.cmdline():
                    members |= {process, *process.children(recursive=True)}
        return {one for one in members if ProcessId(one.pid, one.create_time()).running()}


@contextmanager
def multi(name: str, *options: str) -> Iterator[Multi]:
    """Give a Multi; what still runs of it at the end is killed.

    After Ctrl-C a line on standard error says that the worker ended.  A thread that runs the verbs
    must be waited for outside of the block.
    options: of `celery worker`, such as "--concurrency=1".
    """
    one = Multi(name, *options)
    try:
        yield one
    except KeyboardInterrupt:
        with signals_held_back():  # a second Ctrl-C must not end the clean-up
            one.close()
            if one.killed:
                stopped = f"stopped the worker {name}@{socket.gethostname()}"
                print(stopped, file=sys.stderr, flush=True)
        raise
    finally:
        one.close()


class Verbs:
    """What came of several verbs of `celery multi`, run one after the other."""

    def __init__(self, one: Multi) -> None:
        self.left_out = one.spoiled_by is not None
        self.ran = threading.Event()  # all of them, to their end
        self._one = one
        self._said: list[tuple[str, str]] = []
        self._left: list[ProcessId | None] = []

    def run(self, verbs: Sequence[str]) -> None:
        """Run them, and wait behind each one for the worker that it starts, or for its end."""
        for verb in verbs:
            before = self._one.process()
            self._said.append(self._one.run(verb))
            if not verb.startswith("stop"):
                self._left.append(self._one.wait_for_another_than(before))
            else:  # it says DOWN when the pid file is gone; the process needs a moment more
                self._left.append(before if before and not before.wait(TIMEOUT_S) else None)
        self.ran.set()

    def show(self) -> list[ProcessId | None]:
        """Wait for their end; print each, with what it said last about the worker.

        Returns the worker's main process behind each of them; None where there was none.
        """
        self.ran.wait(VERB_S)
        for line, answer in self._said:
            show_line(line)
            print(f"    {answer}")
        return self._left


@contextmanager
def multi_meanwhile(name: str, verbs: Sequence[str], *options: str) -> Iterator[Verbs]:
    """Run verbs of `celery multi` while the block runs: "start", "restart", "stopwait".

    options: of `celery worker`.  See multi() for what is done at the end.
    """
    with ThreadPoolExecutor() as meanwhile, multi(name, *options) as one:
        background = Verbs(one)
        meanwhile.submit(background.run, verbs)
        yield background
