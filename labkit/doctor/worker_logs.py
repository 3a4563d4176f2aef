"""What the workers' logs in LAB_HOME/logs say about one task.

A result can be ignored or expire, and Redis then knows nothing of the task; a log line stays.
Only workers that the lab started log there; one typed by hand logs to its terminal.
"""

import mmap
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TAIL_BYTES = 64 << 20  # of each file; reading that much takes less than 0.1 s

# [2026-01-31 07:30:00,123: INFO/MainProcess] Task tasks.basic_tasks.add[ID] succeeded in ...
_LINE = rb"\[([-\d]+ [:\d]+),\d+: [^\]]*\] Task (\S+)\[%s\] (\w+)"


@dataclass(frozen=True)
class LogTrace:
    """The last thing that a worker logged about a task.

    did: "received", "succeeded", "raised", "retry", or "ignored".
    """

    worker: str  # lab1, as the log file is called
    task: str
    did: str
    at: datetime


def task_in_logs(home: Path, task_id: str) -> LogTrace | None:
    """Search the logs below `home`; None if no log names this task."""
    traces = [
        trace for path in home.glob("logs/*.log*") if (trace := _last_line(path, task_id.encode()))
    ]
    return max(traces, key=lambda trace: trace.at, default=None)


def _last_line(path: Path, task_id: bytes) -> LogTrace | None:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
            start = max(0, len(log) - TAIL_BYTES)
            first = log.find(task_id, start)
            if first < 0:
                return None
            line_start = log.rfind(b"\n", 0, first) + 1
            lines = re.findall(_LINE % re.escape(task_id), log[line_start:])
    except (OSError, ValueError):  # gone, or empty
        return None
    if not lines:
        return None
    at, task, did = (part.decode(errors="replace") for part in lines[-1])
    moment = datetime.strptime(at, "%Y-%m-%d %H:%M:%S").astimezone()
    return LogTrace(path.name.partition(".")[0], task, did, moment)
