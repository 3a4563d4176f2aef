"""Lines of a log file, short enough to be read in a lesson's output."""

import re
from pathlib import Path

from labkit.long_lines import show_line
from labkit.waiting import wait_until

TIMEOUT_S = 10  # a line is written in milliseconds; the rest is room for a busy machine
# What is left out: date, time and process, and most of each id.
MOMENT = re.compile(r"^\[?\d{4}-[-\d]+ [\d:,]+:? ")
PROCESS = re.compile(r"^(\w+)/[\w-]+\]")
REST_OF_ID = re.compile(r"(?<=\[[0-9a-f]{8})(-[0-9a-f]+)+")


def log_entries(log: Path) -> list[str]:
    """The lines that begin with a moment, without what follows them (a traceback)."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if MOMENT.match(line)]


def show_log(log: Path, *words: str, count: int = 1) -> list[str]:
    """Wait for `count` entries of a log that have all these words; print and return them.

    A worker stores a result first, and then logs what became of the task.
    """

    def found() -> list[str]:
        return [line for line in log_entries(log) if all(word in line for word in words)]

    wait_until(lambda: len(found()) >= count, TIMEOUT_S)
    shown = [shortened(line) for line in found()]
    for line in shown:
        show_line(f"  {line}")
    return shown


def shortened(line: str) -> str:
    """A line without moment and process, and with the beginning of each id.

    >>> shortened("[2026-01-31 07:30:00,123: INFO/MainProcess] add[5f0c81d2-1b7e-4a52-a7d5]: done")
    'INFO add[5f0c81d2]: done'
    """
    return REST_OF_ID.sub("", PROCESS.sub(r"\1", MOMENT.sub("", line)))
