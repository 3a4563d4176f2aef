"""How much memory a process holds."""

from pathlib import Path

import psutil

MB = 1_000_000  # bytes


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
