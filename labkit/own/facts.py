"""When what began and ended in a run, kept for the picture on the lesson's page.

`./lab record` names a file in the environment; any other run keeps nothing.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from labkit.processes.start import FACTS_FILE
from work.ledger import Entry, Ledger

_kills: dict[int, float] = {}  # process or process group -> when, in seconds since 1970


def note_kill(number: int) -> None:
    """Remember that a process, or a group of processes, is killed now: no ledger says that."""
    _kills[number] = time.time()


def keep_facts(ledgers: Iterable[Ledger]) -> None:
    """Write down what the ledgers say, where the environment names a file for it.

    {name of the ledger: [{"event": "START", "job": "TL-1", "process": 1, "seconds": 0.02}]}: the
    seconds count from the first line of all; a process has a number in each ledger; the event
    KILLED ends the last job of a process that was killed.
    """
    if not (file := os.environ.get(FACTS_FILE)):
        return
    lines = {  # without the last line of each ledger, which is of no job
        one.run.split("-", maxsplit=2)[-1]: [entry for entry in one.entries() if entry.job]
        for one in ledgers
    }
    begin = min((entry.time for entries in lines.values() for entry in entries), default=0.0)
    facts = {name: _events(entries, begin) for name, entries in lines.items()}
    Path(file).write_text(_json(facts), encoding="utf-8")


def _json(facts: dict[str, list[dict]]) -> str:
    """An event a line, so that a new run shows in git which of them came at another time."""
    rows = (
        f"{json.dumps(name)}: [\n  {(',' + chr(10) + '  ').join(map(json.dumps, events))}\n]"
        for name, events in facts.items()
    )
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _events(entries: list[Entry], begin: float) -> list[dict]:
    """The lines of one ledger and the deaths among them, in the order of time."""
    numbers = {pid: n for n, pid in enumerate(dict.fromkeys(one.pid for one in entries), start=1)}
    last = {entry.pid: entry for entry in entries}  # what each process did last
    found = [(entry.time, entry.event, entry) for entry in entries]
    for entry in last.values():
        killed_at = _kills.get(entry.pid) or _kills.get(entry.group)
        if entry.event == "START" and killed_at:
            found.append((killed_at, "KILLED", entry))
    return [
        {
            "event": event,
            "job": entry.job,
            "process": numbers[entry.pid],
            "seconds": round(moment - begin, 2),
        }
        for moment, event, entry in sorted(found, key=lambda one: one[0])
    ]
