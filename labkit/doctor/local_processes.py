"""What the processes of this machine tell: nodes that are stopped, and one that began a task."""

import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from labkit.broker.results import StoredResult
from labkit.doctor.findings import Finding

STOPPED = {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
NODES = {"worker", "beat"}  # the words by which a command line is that of a worker or a Beat


@dataclass(frozen=True)
class Stopped:
    """A stopped worker or Beat: its command line, and the processes that are to go on."""

    pid: int
    command: str
    pids: list[int]  # it, and those of its pool that are stopped, too


def stopped_nodes(client: redis.Redis) -> list[Stopped]:
    """The stopped workers and Beats that hold a connection to this client's database.

    [] also if Redis may not say who is connected, or if they are on another machine.
    """
    try:
        database = str(client.connection_pool.connection_kwargs.get("db") or 0)
        addresses = {one["addr"] for one in client.client_list() if one["db"] == database}
    except redis.RedisError:
        return []
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if process.info["status"] in STOPPED and addresses & _addresses(process):
                found.append(process)
        except psutil.Error:  # it has ended, or is somebody else's
            continue
    return [one for process in found if (one := _described(process, found))]


def _addresses(process: psutil.Process) -> set[str]:
    """The ends of its connections, as Redis writes them: {"127.0.0.1:51034"}."""
    ends = [connection.laddr for connection in process.net_connections("tcp")]
    return {f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip, port in ends}


def _described(process: psutil.Process, found: list[psutil.Process]) -> Stopped | None:
    """None for a process of a pool, which shares the connections of its worker."""
    try:
        words = process.cmdline()
        if process.parent() in found or not NODES & set(words):
            return None
        pool = [one for one in process.children(recursive=True) if one.status() in STOPPED]
    except psutil.Error:
        return None
    return Stopped(process.pid, typed(words), [process.pid, *(one.pid for one in pool)])


def typed(words: list[str]) -> str:
    """A command line as somebody typed it, without the interpreter and its folders.

    >>> typed(["/lab/.venv/bin/python", "/lab/.venv/bin/celery", "-A", "celery_app", "beat"])
    'celery -A celery_app beat'
    """
    programs = [Path(word).name for word in words]
    start = programs.index("celery") if "celery" in programs else 0
    return shlex.join([programs[start], *words[start + 1 :]])


def stopped_finding(one: Stopped) -> Finding:
    """What to say about it."""
    pids = " ".join(map(str, one.pids))
    return Finding(
        "wrong",
        f"process {one.pid} is connected to this broker and is stopped (Ctrl-Z, or kill -STOP), "
        f"so it answers nothing: {one.command}; when it goes on, what it has held for longer than "
        "visibility_timeout may run a second time",
        f"kill -CONT {pids}",
    )


def process_ended(result: StoredResult | None) -> bool | None:
    """True if the process that began the task has ended, False if it runs; None if not known.

    A worker in a warm stop answers no question: this tells that it still runs.
    It is known for a state that names its process (STARTED), on this machine alone.  In a
    container a process has another number, and its worker another host name.
    """
    if not result or not result.pid or result.worker.partition("@")[2] != socket.gethostname():
        return None
    try:
        return psutil.Process(result.pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError):  # somebody else's; a number that no process has
        return None
