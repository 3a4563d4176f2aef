"""When what began and ended in a run, kept for the picture on the lesson's page.

`./lab record` names a file in the environment; any other run keeps nothing.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from labkit.processes.start import FACTS_FILE
from work.ledger import Ledger

# What no ledger says, and when it was, in seconds since 1970:
_kills: dict[int, float] = {}  # by process, or by process group
_messages: set[tuple[float, str, str, str]] = set()  # when, what, job, the ledger's run


def note_kill(number: int) -> None:
    """Remember that a process, or a group of processes, is killed now: no ledger says that."""
    _kills[number] = time.time()


def note_taken(ledger: Ledger, job: str, moment: float) -> None:
    """Remember when a worker took the message of a job that works with this ledger."""
    _messages.add((moment, "TAKEN", job, ledger.run))


def note_left(ledger: Ledger, job: str, moment: float) -> None:
    """Remember when no worker had it any more: it was acknowledged, or it came back."""
    _messages.add((moment, "LEFT", job, ledger.run))


def keep_facts(ledgers: Iterable[Ledger]) -> None:
    """Write down what the ledgers say, where the environment names a file for it.

    {name of the ledger: [{"event": "START", "job": "TL-1", "process": 1, "seconds": 0.02}]}: the
    seconds count from the first event of all; a process has a number in each ledger; the event
    KILLED ends the last job of a process that was killed; TAKEN (by process 0) is when a worker
    took the message, and LEFT when no worker had it any more.
    """
    if not (file := os.environ.get(FACTS_FILE)):
        return
    found = {one.run.split("-", maxsplit=2)[-1]: _events(one) for one in ledgers}
    begin = min((moment for events in found.values() for moment, *_ in events), default=0.0)
    names = ("event", "job", "process", "seconds")
    known = {
        run: [
            dict(zip(names, (event, job, number, round(moment - begin, 2)), strict=True))
            for moment, event, job, number in events
        ]
        for run, events in found.items()
    }
    Path(file).write_text(json.dumps(known), encoding="utf-8")


def _events(ledger: Ledger) -> list[tuple[float, str, str, int]]:
    """When, what, which job, which process: a ledger's lines, and what no ledger says, in order."""
    entries = [entry for entry in ledger.entries() if entry.job]  # not what is of no job
    numbers = {pid: n for n, pid in enumerate(dict.fromkeys(one.pid for one in entries), start=1)}
    found = [(one.time, one.event, one.job, numbers[one.pid]) for one in entries]
    for one in {entry.pid: entry for entry in entries}.values():  # what each process did last
        killed_at = _kills.get(one.pid) or _kills.get(one.group)
        if one.event != "END" and killed_at:
            found.append((killed_at, "KILLED", one.job, numbers[one.pid]))
    found += [(moment, what, job, 0) for moment, what, job, run in _messages if run == ledger.run]
    return sorted(found)  # of one moment, LEFT comes before TAKEN: a message that came back
