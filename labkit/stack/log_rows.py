"""What of a process's log `./lab up` shows on the terminal: the shortest row that says it.

The log file in LAB_HOME/logs holds every line, whole; `./lab up --verbose` prints them so, too.
"""

import re

# A line as Celery writes it: [2026-01-31 07:30:00,123: INFO/MainProcess] text
_ENTRY = re.compile(r"\[\d{4}-\d\d-\d\d [\d:,]+: (?P<level>[A-Z]+)/[^\]]+\] (?P<text>.*)")
_QUIET = ("INFO", "DEBUG")
_OF_THE_CLOCK = "Scheduler: Sending due task "  # Beat; the worker that takes the message tells, too
_TASK = re.compile(r"(?:Task )?(?:\w+\.)*(\w+\[)")
_SECONDS = re.compile(r"( succeeded in \d+\.\d{3})\d*s:")
_TRACEBACK = "Traceback (most recent call last):"
_BETWEEN_TWO = re.compile(r"(During handling of|The above exception was) .*exception.*:$")


class LogRows:
    """The rows of one process; its lines must come in their order."""

    def __init__(self) -> None:
        self._in_traceback = False

    def row(self, line: str) -> str | None:
        """What to show for the next line; None for nothing.

        Time and process are left out, and of a task's name the module.  A warning or an error
        begins with its level.  Of a traceback its last line is left, which names the error.

        >>> start = "[2026-01-31 07:30:00,123: INFO/MainProcess] "
        >>> rows = LogRows()
        >>> rows.row(start + "Task tasks.basic_tasks.add[7d2f] succeeded in 0.0123456s: 3")
        'add[7d2f] succeeded in 0.012 s: 3'
        >>> rows.row(start.replace("INFO", "WARNING") + "the disk is slow")
        'WARNING the disk is slow'
        >>> [rows.row(line) for line in (_TRACEBACK, "  File ...", "OSError: full")]
        [None, None, 'OSError: full']
        """
        if entry := _ENTRY.match(line):
            self._in_traceback = False
            return _short(entry["level"], entry["text"])
        if line == _TRACEBACK:
            self._in_traceback = True
            return None
        if not line.strip() or _BETWEEN_TWO.match(line):
            return None
        if self._in_traceback and line.startswith(" "):
            return None
        self._in_traceback = False
        return line


def _short(level: str, text: str) -> str | None:
    if level in _QUIET and text.startswith(_OF_THE_CLOCK):
        return None
    if _TASK.match(text):
        text = _SECONDS.sub(r"\1 s:", _TASK.sub(r"\1", text, count=1), count=1)
    return text if level in _QUIET else f"{level} {text}"
