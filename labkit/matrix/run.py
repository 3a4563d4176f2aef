"""Measure many cells, several at once, each in a process of its own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lab_home import LAB_HOME
from labkit.errors import LabError
from labkit.matrix.cells import CELLS, Cell, Counts, Measured
from labkit.processes.lock import alone_with
from labkit.processes.program import Program
from labkit.processes.records import end_leftovers, record_of_this_process
from labkit.processes.signals import clean_up_on_signals, signals_held_back

AT_ONCE = 4  # most of the time a cell waits; with more, two cores would be the limit
POLL_S = 0.1
STOP_S = 30  # an interrupted cell stops its worker (3 s) and its broker


class _Measuring(Program):
    """A cell that is being measured, in a process of its own."""

    def __init__(self, cell: Cell) -> None:
        command = [sys.executable, "-m", "labkit.matrix.one_cell", str(CELLS.index(cell))]
        super().__init__(f"matrix {cell.slug}", command, LAB_HOME / "logs" / f"{cell.slug}.log")
        self.cell = cell


def measure_all() -> tuple[Measured, str]:
    """Run all cells, with a progress bar on standard error; the counts, and the server's name.

    Raises LabError for the first cell that cannot be measured.  Whatever happens, no process of
    the cells is left.
    """
    clean_up_on_signals()
    end_leftovers(LAB_HOME)
    waiting = list(CELLS)
    counts: Measured = {}
    server = ""
    with alone_with("matrix", "the matrix", "./lab matrix"), _bar() as bar, _running() as running:
        measuring = bar.add_task("measuring", total=len(CELLS), last="")
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                _start(waiting.pop(0), running)
            for one in [one for one in running if not one.running()]:
                _forget(one, running)
                counts[one.cell], server = _outcome(one)
                bar.update(measuring, advance=1, last=str(one.cell))
            time.sleep(POLL_S)
    return {cell: counts[cell] for cell in CELLS}, server


def _start(cell: Cell, running: list[_Measuring]) -> None:
    with signals_held_back():
        one = _Measuring(cell)
        one.start(stdout=subprocess.PIPE)
        running.append(one)
        record_of_this_process(LAB_HOME).add(one.name, one.identity)


def _forget(one: _Measuring, running: list[_Measuring]) -> None:
    running.remove(one)
    record_of_this_process(LAB_HOME).remove(one.identity)


def _outcome(one: _Measuring) -> tuple[Counts, str]:
    """What an ended cell has printed.  Raises LabError if it is an error."""
    printed, _ = one.process.communicate()
    said = one.logged()
    if one.process.returncode == 0:
        outcome = json.loads(printed)
        return Counts(*outcome["counts"]), outcome["server"]
    if said.startswith("error: "):
        sentence, _, hint = said.removeprefix("error: ").strip().partition("\n\nhint: ")
        raise LabError(sentence, hint)
    print(said, file=sys.stderr)
    raise LabError(f"{one.cell} ended with exit code {one.process.returncode}", "./lab doctor")


@contextmanager
def _running() -> Iterator[list[_Measuring]]:
    """The list of running cells; those that still run at the end are interrupted."""
    running: list[_Measuring] = []
    try:
        yield running
    finally:
        if running:
            with signals_held_back():  # a second Ctrl-C must not end the clean-up
                _interrupt(running)


def _interrupt(running: list[_Measuring]) -> None:
    """Let all cells stop their workers and brokers, and wait until they have."""
    for one in running:
        one.send(signal.SIGINT)
    for one in list(running):
        try:
            one.process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            one.kill()
        _forget(one, running)
    end_leftovers(LAB_HOME)  # what a cell left that had to be killed
    print("stopped the cells that ran, their workers and their brokers", file=sys.stderr)


def _bar() -> Progress:
    """A bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
