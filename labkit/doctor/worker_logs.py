"""What the workers' logs in LAB_HOME/logs say about one task.

A result can be ignored or expire, and Redis then knows nothing of the task; a log line stays.
Only workers that the lab started log there; one typed by hand logs to its terminal.
"""

import mmap
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

TAIL_BYTES = 64 << 20  # of each file; reading that much takes less than 0.1 s

# The lines that name a task, as celery/app/trace.py, worker/request.py and worker/consumer write
# them.  %s: the id.
#   [2026-01-31 07:30:00,123: INFO/MainProcess] Task tasks.basic_tasks.add[ID] succeeded in ...
#   [...: INFO/MainProcess] Discarding revoked task: tasks.basic_tasks.add[ID]
#   [...: CRITICAL/MainProcess] Can't decode message body: WHY [type:... headers:{... 'id': 'ID' ...
_LINE = (
    rb"^\[(?P<at>[-\d]+ [:\d]+,\d+): [^\]]*\] (?:"
    rb"Task (?P<task>\S+)\[%(id)s\] (?P<did>\w+)"
    rb"|(?P<discarded>Discarding) revoked task: (?P<revoked>\S+)\[%(id)s\]"
    rb"|Can't decode message body: (?P<refused>.*) \[type:.*'id': '%(id)s'"
    rb")"
)
_HEAD = rb"\[([-\d]+ [:\d]+,\d+): [^\]]*\] "  # of an entry: when, and who
_ENTRY = re.compile(_HEAD + rb"([^\n]*)")  # its first line; more may follow
# The first lines of entries that are about the task, or that it has written itself.
_ABOUT = (
    rb"Task \S+\[%(id)s\] |Discarding revoked task: |Can't decode message body: |\S+\[%(id)s\]: "
    rb"|Task accepted: |TaskPool: Apply"
)
_UNKNOWN = "Received and deleted unknown message"  # of consumer.py: a message without a task
_SHORTEST = 8  # letters of an id
_MENTIONS = 200  # looked at from the end of a log; a task may write its id in each of its lines
_INVALID = re.compile(rb"^" + _HEAD + rb"Received invalid task message", re.MULTILINE)


@dataclass(frozen=True)
class LogTrace:
    """The last thing that a worker logged about a task.

    did: "received", "succeeded", "raised", "retry", "ignored" (by Ignore or self.replace),
        "refused" (its message could not be read), "discarded" (revoked or expired), or "named"
        (an entry of another kind holds its id, and no other does).
    why: of what was refused, what the worker said.
    redelivered: how often it was received once more although it was not retried and did not let
        go (ignored); one less where there are retries, because a retry is sent before it is logged.
    discarded: a worker threw it away, whatever was logged later: a process that was at work may
        log "retry" after that.
    mention: the first line of a later entry that holds its id, such as an error in storing its end.
    """

    worker: str  # lab1, as the log file is called
    task: str
    did: str
    at: datetime
    why: str = ""
    redelivered: int = 0
    discarded: bool = False
    mention: str = ""


def task_in_logs(home: Path, task_id: str) -> LogTrace | None:
    """Search the logs below `home`; None if no log names this task."""
    traces, mentions = [], []
    for path in home.glob("logs/*.log*"):
        text = _tail(path, task_id.encode())
        traces += _traces(path, text, task_id.encode())
        mentions += _mentions(path, text, task_id.encode())
    mention = max(mentions, key=lambda one: one.at, default=None)
    if not traces:
        return mention
    last = sorted(traces, key=lambda trace: trace.at)[-1]  # of one moment the later line
    did = Counter(trace.did for trace in traces)
    expected = 1 + did["retry"] + did["ignored"] + bool(did["retry"])
    redelivered = max(0, did["received"] - expected)
    later = mention.why if mention and mention.at >= last.at else ""
    return replace(last, redelivered=redelivered, discarded=bool(did["discarded"]), mention=later)


def last_unread(home: Path) -> tuple[str, datetime] | None:
    """(worker, when) of the last message that a log calls invalid; such a line names no id.

    celery/worker/consumer/consumer.py writes it for a message of a content type that is refused.
    """
    found = []
    for path in home.glob("logs/*.log*"):
        text = _tail(path, b"Received invalid task message")
        moments = map(_moment, _INVALID.findall(text))
        found += [(_worker(path), moment) for moment in moments if moment]
    return max(found, key=lambda one: one[1], default=None)


def _traces(path: Path, text: bytes, task_id: bytes) -> list[LogTrace]:
    """Every line of a log that is about the task, in order."""
    line = re.compile(_LINE % {b"id": re.escape(task_id)}, re.MULTILINE)
    matches = line.finditer(text)
    return [_trace(path, match, at) for match in matches if (at := _moment(match["at"]))]


def _mentions(path: Path, text: bytes, task_id: bytes) -> list[LogTrace]:
    """The last entry that holds the id, and is neither a line about the task nor the task's own.

    A word of a few letters may stand in a log by chance: it is not looked for.
    """
    if len(task_id) < _SHORTEST:
        return []
    about = re.compile(_ABOUT % {b"id": re.escape(task_id)})
    end = len(text)
    for _ in range(_MENTIONS):
        entry = _entry_around(text, text.rfind(task_id, 0, end))
        if not entry:
            return []
        at, words = _moment(entry[1]), entry[2].decode(errors="replace")
        if at and not about.match(entry[2]):
            did = "refused" if words.startswith(_UNKNOWN) else "named"
            return [LogTrace(_worker(path), "", did, at, words)]
        end = entry.start()
    return []


def _entry_around(text: bytes, position: int) -> re.Match[bytes] | None:
    """The entry in which this position lies; an entry may have many lines."""
    while position >= 0:
        start = text.rfind(b"\n[", 0, position) + 1
        if entry := _ENTRY.match(text, start):
            return entry
        position = start - 1
    return None


def _tail(path: Path, word: bytes) -> bytes:
    """What a log holds from the first entry on that holds this word; of a long log its end."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
            first = log.find(word, max(0, len(log) - TAIL_BYTES))
            return log[log.rfind(b"\n[", 0, first) + 1 :] if first >= 0 else b""
    except (OSError, ValueError):  # gone, or empty
        return b""


def _trace(path: Path, match: re.Match[bytes], at: datetime) -> LogTrace:
    said = {
        name: (part or b"").decode(errors="replace") for name, part in match.groupdict().items()
    }
    did = said["did"] or ("discarded" if said["discarded"] else "refused")
    task = said["task"] or said["revoked"]
    return LogTrace(_worker(path), task, did, at, said["refused"])


def _worker(path: Path) -> str:
    return path.name.partition(".")[0]


def _moment(text: bytes) -> datetime | None:
    """The time of a log line; None if it is none."""
    try:
        return datetime.strptime(text.decode(), "%Y-%m-%d %H:%M:%S,%f").astimezone()
    except (ValueError, OverflowError, OSError):
        return None
