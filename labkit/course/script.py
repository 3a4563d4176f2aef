"""Run one script: show its output as it comes, keep it, and pass on Ctrl-C."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Self, cast

from lab_home import ROOT
from labkit.course.judge import Run
from labkit.course.notes import NOTES_FD, has_started, read_notes
from labkit.long_lines import LONG_LINES, MARKED, LongLineCutter
from labkit.processes.signals import STOP_SIGNALS
from labkit.processes.start import child_environment

CHUNK_BYTES = 65536
LOOK_S = 0.2  # how soon the end is seen where something else keeps the output open


def run_script(
    path: Path, environment: Mapping[str, str], root: Path = ROOT, *, whole: bool = False
) -> Run:
    """Run a script to its end; its stdout goes to ours at once and is kept, stderr passes through.

    environment: changes to ours; whole: show long lines whole, and not cut to the terminal.
    A signal that would end us becomes a Ctrl-C for the script and
    its children (they are a process group of their own, so that it comes exactly once), whose
    cleanup we wait for.
    """
    notes, notes_write = os.pipe()
    try:
        with _SignalsPassedOn(notes) as signals:
            process = subprocess.Popen(
                [sys.executable, str(path)],
                cwd=root,
                env=_environment(environment, root) | {NOTES_FD: str(notes_write)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                process_group=0,
                pass_fds=[notes_write],
            )
            with _ended(process):
                signals.pass_to(process)
                output = b"".join(_shown(process, LongLineCutter(whole=whole)))
                exit_code = process.wait()
        started, last_lines = read_notes(notes)
    finally:
        os.close(notes)
        os.close(notes_write)
    return Run(
        exit_code=exit_code,
        output=output.decode(errors="replace"),
        started=started,
        last_lines=last_lines,
        signal=signals.received[0] if signals.received else 0,
    )


def _environment(changes: Mapping[str, str], root: Path) -> dict[str, str]:
    """The script's environment: it imports the lab that it belongs to, and prints UTF-8."""
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    ours = {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", LONG_LINES: MARKED}
    return child_environment(**ours, **changes)


def _shown(process: subprocess.Popen, cutter: LongLineCutter) -> Iterator[bytes]:
    """Copy the output to our stdout as it comes, long lines cut, and give it in pieces, whole."""
    output = cast(IO[bytes], process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            if selector.select(LOOK_S):
                chunk = os.read(output.fileno(), CHUNK_BYTES)
                if not chunk:
                    break
                _show(cutter.shown(chunk))
                yield chunk
            elif process.poll() is not None:
                break  # a process that the script left behind keeps the output open
    _show(cutter.rest())


def _show(output: bytes) -> None:
    sys.stdout.buffer.write(output)
    sys.stdout.flush()


@contextlib.contextmanager
def _ended(process: subprocess.Popen) -> Iterator[None]:
    """End what is left of the script's process group on the way out, whatever happened."""
    try:
        yield
    except BaseException:
        _send(process, signal.SIGINT)
        raise
    finally:
        cast(IO[bytes], process.stdout).close()
        process.wait()


class _SignalsPassedOn:
    """Turns signals to us into Ctrl-C for a process; `received` says which came.

    A process that has not started its lesson gets SIGTERM: it has nothing to clean up, and would
    only print where in its imports Ctrl-C met it.  The third signal kills: two have not helped.
    """

    def __init__(self, notes: int) -> None:
        self._notes = notes
        self.received: list[int] = []
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._pass_on) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_to(self, process: subprocess.Popen) -> None:
        """From now on they go to this process, also the one that came while it started."""
        self._process = process
        if self.received:
            _send(process, signal.SIGTERM)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        if self._process:
            gentle = signal.SIGINT if has_started(self._notes) else signal.SIGTERM
            _send(self._process, gentle if len(self.received) < 3 else signal.SIGKILL)


def _send(process: subprocess.Popen, number: int) -> None:
    """Signal the script and its children, while the script runs (its number is its own then)."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
