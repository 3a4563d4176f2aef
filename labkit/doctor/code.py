"""The code that workers run: the app it makes, and is a worker older than the files?

A worker runs what its process imported when it started.
"""

import socket
import traceback
from pathlib import Path

import psutil
from celery import Celery

from lab_home import LAB_HOME, ROOT
from labkit.broker.workers import WorkerView
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import restart_hint
from labkit.errors import LabError, last_error
from labkit.processes.running_lab import read_state
from labkit.stack.code import code_files, fingerprint, mend_hint

# The start of a process is known to about a second, and importing takes it another one.
TOLERANCE_S = 1.0


def load_app() -> Celery:
    """The app of celery_app.py, for a command; LabError if that file cannot be imported.

    Ask labkit.broker.check.check_redis first: the app may connect as soon as it is used.
    """
    try:
        from celery_app import app
    except Exception:  # noqa: BLE001 - it is the learner's file, and anything can stand in it
        why = last_error(traceback.format_exc())
        raise LabError(f"celery_app.py cannot be imported: {why}", mend_hint(why)) from None
    return app


def old_worker_findings(workers: list[WorkerView], task: str = "") -> list[Finding]:
    """One finding for each worker that started before a code file was saved."""
    findings = []
    for worker in workers:
        files = newer_files(worker, task)
        if files:
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            findings.append(
                Finding(
                    "wrong",
                    f"{worker.name} is older than {files[0]}{more}: it runs the code as it was "
                    "when it started, until it is started again",
                    restart_hint(),
                )
            )
    return findings


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
