"""What a program and the processes that it started use: processor time and memory."""

import contextlib
from pathlib import Path

import psutil

from labkit.processes.identity import ProcessId

MB = 1_000_000  # bytes


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


def resident_mb(pid: int) -> float:
    """The memory that a process holds now, in MB, shared pages included."""
    return psutil.Process(pid).memory_info().rss / MB


def peak_mb(pid: int) -> float:
    """The most that a process has held since it began.

    Linux keeps that itself, so nothing is missed between two looks.  Elsewhere it is what the
    process holds now: look often, and keep the largest.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return resident_mb(pid)
    kibibytes = next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(kibibytes) * 1024 / MB
