"""What the lab started, written down, so that nothing is left when the lab itself is killed.

Each program that starts processes keeps one file, `LAB_HOME/processes/PID.json`: who it is, and
the identities of what it started.  The next `./lab up`, `down` or `run` looks for records whose
writer runs no more, and ends what stands in them, and what no record holds (see marks.py).
"""

import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.errors import cannot_write
from labkit.processes.files import replace_file
from labkit.processes.identity import LOOK_S, ProcessId
from labkit.processes.marks import marked_orphans
from labkit.waiting import wait_until

WARM_S = 10  # a task that takes longer is interrupted: its lab was killed already
COLD_S = 5
TEMPORARY = "temporary"  # the folder in LAB_HOME for what lasts as long as a program


class ProcessRecord:
    """The list of what this process started; the file goes when the list is empty."""

    def __init__(self, home: Path) -> None:
        self.path = home / "processes" / f"{os.getpid()}.json"
        self.writer = ProcessId.of(os.getpid())
        self.children: dict[str, ProcessId] = {}

    def add(self, name: str, child: ProcessId) -> None:
        """Write down a process that was started; the broker's name must be "broker"."""
        self.children[f"{name} {child.pid}"] = child
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def remove(self, child: ProcessId) -> None:
        """Strike out a process that has ended.

        A full disk keeps nobody from stopping: an entry too many names a process that is gone.
        """
        self.children = {key: value for key, value in self.children.items() if value != child}
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        if not self.children:
            self.path.unlink(missing_ok=True)
            return
        content = {
            "writer": [self.writer.pid, self.writer.started],
            "children": {name: [one.pid, one.started] for name, one in self.children.items()},
        }
        replace_file(self.path, json.dumps(content))


@contextmanager
def folder_for_a_while(home: Path, name: str) -> Iterator[Path]:
    """A new folder below `home`, which is gone after the block.

    What this process leaves when it is killed, the next `./lab up`, `down` or `run` removes: the
    file `maker` says whose it is.  Raises LabError if it cannot be made.
    """
    maker = ProcessId.of(os.getpid())
    folder = home / TEMPORARY / f"{name}-{secrets.token_hex(4)}"
    try:
        try:
            folder.mkdir(mode=0o700, parents=True)
            (folder / "maker").write_text(f"{maker.pid} {maker.started}")
        except OSError as error:
            raise cannot_write(error) from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # somebody else has a folder beside ours
            folder.parent.rmdir()


@functools.cache
def record_of_this_process(home: Path) -> ProcessRecord:
    """The one record of this process in `home`; the file is named by the process."""
    return ProcessRecord(home)


def end_leftovers(home: Path) -> list[str]:
    """End what killed labs left behind in `home`; return the names of what was ended.

    Workers get WARM_S seconds to finish their tasks, then COLD_S for a cold stop; brokers go
    last.  What belongs to programs that still run is left alone.
    """
    ended = _end_unrecorded(home)  # first: a lesson without its runner stops what it started
    for path in _records(home):
        children = _orphans(path)
        if children is None:
            continue
        others = {name: one for name, one in children.items() if not name.startswith("broker ")}
        brokers = {name: one for name, one in children.items() if name.startswith("broker ")}
        for some in (others, brokers):
            ended += [name for name, one in some.items() if one.group()]
            _end(list(some.values()))
        path.unlink(missing_ok=True)
        if brokers:
            (path.parent.parent / "broker").unlink(missing_ok=True)
    ended += _end_unrecorded(home)  # what a recorded process had started in its turn
    _remove_temporary_folders(home)
    return ended


def leftovers(home: Path) -> list[str]:
    """The names of what killed labs left behind in `home` and still runs."""
    orphans = [(_orphans(path) or {}) for path in _records(home)]
    recorded = [name for some in orphans for name, one in some.items() if one.running()]
    return recorded + list(_unrecorded(home))


def _records(home: Path) -> list[Path]:
    return [*home.glob("processes/*.json"), *home.glob(f"{TEMPORARY}/*/processes/*.json")]


def _unrecorded(home: Path) -> dict[str, ProcessId]:
    """What killed labs left behind and no record holds, by name."""
    recorded = {one.pid for path in _records(home) for one in _content(path)[1].values()}
    found = marked_orphans(home, home / TEMPORARY)
    return {f"{name} {one.pid}": one for name, one in found if one.pid not in recorded}


def _end_unrecorded(home: Path) -> list[str]:
    """End that; what a killed one of them had started is found at the next look."""
    ended: dict[str, ProcessId] = {}
    while found := {k: v for k, v in _unrecorded(home).items() if v not in ended.values()}:
        _end(list(found.values()))
        ended |= found
    return list(ended)


def _orphans(path: Path) -> dict[str, ProcessId] | None:
    """The children of a record whose writer has ended; None if it still runs."""
    writer, children = _content(path)
    return None if writer and writer.running() else children


def _content(path: Path) -> tuple[ProcessId | None, dict[str, ProcessId]]:
    """Writer and children of a record; (None, {}) for one that is torn, or gone."""
    try:
        content = json.loads(path.read_text())
        children = {name: ProcessId(*pair) for name, pair in content["children"].items()}
        return ProcessId(*content["writer"]), children
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, {}  # nothing in it can be trusted


def _end(processes: list[ProcessId]) -> None:
    for signal_number, patience_s in ((signal.SIGTERM, WARM_S), (signal.SIGQUIT, COLD_S)):
        for process in processes:
            process.send(signal_number)
        wait_until(lambda: not any(one.running() for one in processes), patience_s, every_s=LOOK_S)
    for process in processes:
        process.kill_group()
        process.send(signal.SIGKILL)  # one that leads no group
        process.wait(COLD_S)


def _remove_temporary_folders(home: Path) -> None:
    """Remove temporary folders whose maker has ended.

    One that a running process still writes its record into stays.
    """
    for folder in home.glob(f"{TEMPORARY}/*"):
        if any(_orphans(path) is None for path in folder.glob("processes/*.json")):
            continue
        maker = folder / "maker"
        with contextlib.suppress(OSError, ValueError):
            pid, started = maker.read_text().split()
            if ProcessId(int(pid), float(started)).running():
                continue
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        (home / TEMPORARY).rmdir()
