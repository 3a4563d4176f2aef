"""What a program and the processes that it started use: processor time and memory."""

import contextlib

import psutil

from labkit.processes import ProcessId


def cpu_seconds(leader: ProcessId) -> float:
    """Processor time that the running members of a process group have used so far."""
    total = 0.0
    for member in leader.group():
        with contextlib.suppress(psutil.Error):
            times = member.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(leader: ProcessId) -> float:
    """Memory of a process group, in millions of bytes.

    On Linux a page that several processes share counts once, in parts (PSS).  Elsewhere only the
    pages count that a process has for itself (USS).
    """
    total = 0
    for member in leader.group():
        with contextlib.suppress(psutil.Error):
            memory = member.memory_full_info()
            total += getattr(memory, "pss", 0) or memory.uss
    return total / 1e6
