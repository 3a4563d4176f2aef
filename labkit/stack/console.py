"""What `./lab up` prints: its own lines, and the log lines of every process with its name."""

import itertools
import os
import sys
from collections import defaultdict
from pathlib import Path

import click

from labkit.errors import print_to_nobody, spare_the_terminal
from labkit.long_lines import cut, terminal_columns
from labkit.stack.log_rows import LogRows

COLOURS = ["cyan", "green", "yellow", "magenta", "blue"]
NAME_WIDTH = 7  # "flower " and a little room
CHUNK_BYTES = 1 << 20
# As Celery's log lines name their level; and those of a predecessor that finishes its tasks.
ALWAYS_SHOWN = ("WARNING/", "ERROR/", "CRITICAL/", "INFO/ForkPoolWorker", "] Task ", " shutdown (")


class Console:
    """Prints whole lines; colour only on a terminal (click takes it out elsewhere).

    verbose: print every log line as it is; else the row that LogRows makes of it.
    closed: True once nobody reads what we print any more (`./lab up | head`).
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self.closed = False
        self._rows: defaultdict[str, LogRows] = defaultdict(LogRows)
        self._colour_of: defaultdict[str, str] = defaultdict(itertools.cycle(COLOURS).__next__)
        spare_the_terminal()

    def say(self, text: str, *, bold: bool = False) -> None:
        """Print a line of the lab's own."""
        self._print(click.style(text, bold=True) if bold else text)

    def log_line(self, name: str, line: str) -> None:
        """Print one log line, with the name of the process in its colour, if it is to be seen.

        On a terminal a line that is not verbose takes one row, and ends with ... where it is cut.
        In a file or a pipe there are no rows, and a cut would lose what somebody may look for.
        """
        row = line if self.verbose else self._row(name, line)
        if row is None:
            return
        prefix = click.style(f"{name:{NAME_WIDTH}}|", fg=self._colour_of[name])
        self._print(f"{prefix} {row}")

    def _row(self, name: str, line: str) -> str | None:
        row = self._rows[name].row(line)
        if row and sys.stdout.isatty():
            return cut(row, terminal_columns() - len(f"{name:{NAME_WIDTH}}| "))
        return row

    def _print(self, text: str) -> None:
        if self.closed:
            return
        try:
            click.echo(text)
        except (BrokenPipeError, OSError):
            self.closed = True
            print_to_nobody()


class LogFollower:
    """Reads what was added to a log file since the last look, whole lines only.

    starting: while a process starts it greets (30 lines of a worker).  Only if verbose do these
    lines count; alarms and lines about tasks always do.
    """

    def __init__(self, name: str, path: Path, *, verbose: bool) -> None:
        self.name = name
        self.verbose = verbose
        self.starting = True
        self.path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def new_lines(self, *, to_the_end: bool = False) -> list[str]:
        """The lines that came since the last call; to_the_end also gives an unfinished last one."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:  # it is a new one
                    self._offset = 0
                file.seek(self._offset)
                data = file.read(CHUNK_BYTES)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if to_the_end and self._rest:
            lines.append(self._rest)
            self._rest = b""
        texts = [line.decode(errors="replace").rstrip("\r") for line in lines]
        if self.starting and not self.verbose:
            return [text for text in texts if any(mark in text for mark in ALWAYS_SHOWN)]
        return texts
