"""Celery's own commands, run by a lesson as a person would type them."""

import os
import shlex
import signal
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from labkit.errors import LabError
from labkit.long_lines import COLUMNS, show_line
from labkit.processes.program import Program
from labkit.waiting import wait_until

TIMEOUT_S = 60  # a command takes about 1 s; the rest is for a busy machine
BELOW = " " * 7  # where the doctor's hints begin, too
MAX_BYTES = 1 << 20  # of its output; Celery's commands print some kilobytes


class Command(Program):
    """A command that runs from now on; several can run side by side."""

    kind = "command"

    def __init__(self, *words: str, typed: str = "") -> None:
        """typed: what a person types for it, where that is shorter."""
        super().__init__(words[0], words, Path(os.devnull))
        self.line = f"$ {typed or shlex.join(words)}"
        self.start()

    def _open_log(self) -> IO:
        """No log: a file that nobody else sees.  A pipe could fill up."""
        output = tempfile.TemporaryFile()  # noqa: SIM115 - start() closes it
        self._output = os.dup(output.fileno())
        return output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def text(self) -> str:
        """What it has printed so far, on both of its outputs."""
        return os.pread(self._output, MAX_BYTES, 0).decode(errors="replace")

    def wait_until_it_prints(self, text: str) -> None:
        """Wait for a text; LabError if it does not come in TIMEOUT_S seconds."""
        if not wait_until(lambda: text in self.text(), TIMEOUT_S):
            command = self.line.removeprefix("$ ")
            raise LabError(f"{command} did not print {text!r} in {TIMEOUT_S} s", f"{command}")

    def end(self) -> int:
        """Wait for its end; return its exit code.  Whoever waits no longer ends it."""
        try:
            return self.process.wait(TIMEOUT_S)
        except BaseException:
            self.kill()
            raise

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.send(signal.SIGINT)

    def show(self, *words: str, others: bool = True, fold: bool = False) -> str:
        """Print the command, wait for its end, and print what it printed; return that.

        words: print only lines that hold one of these; () for all.
        others: print how many lines that leaves out.
        fold: break sentences that are too long, in place of cutting them.
        """
        show_line(self.line)
        self.end()
        lines = [line.rstrip() for line in self.text().splitlines() if line.strip()]
        shown = [line for line in lines if not words or any(word in line for word in words)]
        for line in shown:
            if fold:
                print(textwrap.fill(line, COLUMNS, subsequent_indent=BELOW, break_on_hyphens=False))
            else:
                show_line(line)
        if others and len(lines) > len(shown):
            print(f"    ({len(lines) - len(shown)} more lines)")
        return self.text()


def celery(*arguments: str) -> Command:
    """Start `celery -A celery_app ARGUMENTS`."""
    return Command("celery", "-A", "celery_app", *arguments)


def celery_side_by_side(commands: Mapping[str, Sequence[str]], *options: str) -> dict[str, str]:
    """Run several of Celery's commands at the same time; show them one after the other.

    commands: {"inspect active": the words of the lines that are shown}; options: for all of them.
    Returns {"inspect active": what it printed}.
    """
    running = {line: celery(*line.split(), *options) for line in commands}
    return {line: one.show(*commands[line], others=False) for line, one in running.items()}


def lab(*arguments: str) -> Command:
    """Start `./lab ARGUMENTS`."""
    typed = shlex.join(["./lab", *arguments])
    return Command(sys.executable, "-m", "labkit.cli", *arguments, typed=typed)
