"""Is a worker older than the code?  A worker runs what its process imported when it started."""

import socket
from pathlib import Path

import psutil

from lab_home import LAB_HOME, ROOT
from labkit.broker.workers import WorkerView
from labkit.processes.running_lab import read_state
from labkit.stack.code import code_files, fingerprint

# The start of a process is known to about a second, and importing takes it another one.
TOLERANCE_S = 1.0


def started_at(worker: WorkerView) -> float | None:
    """When the worker's process started (seconds since 1970); None if it does not run our files.

    That is on another machine, or in another folder.  The first one, where several workers have
    this name.
    """
    if worker.name.partition("@")[2] != socket.gethostname():
        return None
    try:
        processes = [psutil.Process(pid) for pid in worker.pids]
        if any(Path(process.cwd()) != ROOT for process in processes):
            return None
        return min(process.create_time() for process in processes)
    except psutil.Error:  # in a container its process has another number, or it has ended
        return None


def newer_files(worker: WorkerView, task: str = "") -> list[str]:
    """The code files that were saved after this worker started: ["tasks/basic_tasks.py"].

    task: leave out the modules of other tasks than this one.
    [] if there is none, or if the worker runs other files, which we cannot see.
    A worker of `./lab up` with the same code in other words (a file was touched) is up to date.
    """
    started = started_at(worker)
    if started is None or _lab_says_current(worker):
        return []
    newer = [file for file in code_files() if _saved_at(file) > started + TOLERANCE_S]
    names = [str(file.relative_to(ROOT)) for file in newer]
    return [name for name in names if concerns(name, task)]


def concerns(file: str, task: str) -> bool:
    """False if the file holds other tasks than this one.

    >>> concerns("tasks/basic_tasks.py", "tasks.basic_tasks.add")
    True
    >>> concerns("tasks/basic_tasks.py", "tasks.playground.hello")
    False
    >>> concerns("work/text.py", "tasks.basic_tasks.add")
    True
    """
    module = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return not task or not module.startswith("tasks.") or task.startswith(f"{module}.")


def _lab_says_current(worker: WorkerView) -> bool:
    """True if the running lab started this worker with exactly the code that the files hold."""
    state = read_state(LAB_HOME) or {"children": []}
    codes = [child["code"] for child in state["children"] if child["pid"] in worker.pids]
    return codes == [fingerprint()] * len(worker.pids)


def _saved_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # it is being replaced at this moment
        return 0.0
