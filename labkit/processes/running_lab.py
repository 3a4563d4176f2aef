"""Which lab runs here, and what it says about itself: the lock that it holds, and stack.json.

Every command asks running_lab(): it names the process that was started, by pid and start time.
"""

import json
from pathlib import Path
from shlex import quote
from typing import Any

from lab_home import BROKER_FILE, MAIL_FILE, noted
from labkit.errors import LabError
from labkit.processes.files import replace_file
from labkit.processes.identity import ProcessId
from labkit.processes.lock import Lock

LOCK_FILE, STATE_FILE = "lock", "stack.json"


def take_home(home: Path) -> Lock:
    """Hold the lock of the lab in this folder; LabError names who has it already.

    A stack.json that is there now is of a killed lab, whose process id may be another program's by
    now; it goes before anybody can take it for ours.
    """
    lock = Lock(home / LOCK_FILE)
    if not lock.take():
        holder = lock.holder()
        pid = holder.pid if holder else "unknown"
        raise LabError(f"a lab is already up here (process {pid})", "./lab status")
    (home / STATE_FILE).unlink(missing_ok=True)
    lock.sign()
    return lock


def running_lab(home: Path) -> ProcessId | None:
    """The process of the `./lab up` that runs, or starts, in this folder; None if there is none."""
    return Lock(home / LOCK_FILE).holder()


def process_of(child: dict[str, Any]) -> ProcessId:
    """The process that an entry of stack.json names."""
    return ProcessId(child["pid"], child["started"])


def processes_of(state: dict[str, Any] | None, kind: str) -> list[ProcessId]:
    """The parts of a kind ("worker", "mail", ...) that this stack.json names, but those given up.

    One that has ended is about to be started again.
    """
    if not state:
        return []
    some = [child for child in state["children"] if child["kind"] == kind]
    return [process_of(child) for child in some if child["name"] not in state["given_up"]]


def stopped_part(what: str, process: ProcessId, kind: type[LabError] = LabError) -> LabError | None:
    """The error for a part of the lab that lives and does nothing; None for any other.

    what: "the lab's broker".  kind: of the error.
    """
    if not process.stopped():
        return None
    hint = f"kill -CONT {quote(str(process.pid))}"
    return kind(f"{what} (process {process.pid}) is stopped (kill -STOP), and answers nobody", hint)


def write_state(home: Path, state: dict[str, Any]) -> None:
    """Replace stack.json in one step, so that a reader never sees half of it."""
    replace_file(home / STATE_FILE, json.dumps(state, indent=2))


def read_state(home: Path) -> dict[str, Any] | None:
    """stack.json of the lab that runs here now: Parts.save names its keys; else None."""
    lab = running_lab(home)
    state = noted(home / STATE_FILE)
    return state if lab and state.get("launcher") == lab.pid else None


def is_ready(home: Path) -> bool:
    """True if a lab runs here, and each of its parts has answered once."""
    return bool((read_state(home) or {}).get("ready_after_s"))


def remove_address_files() -> None:
    """No program shall look for this lab's broker or mail server any more."""
    for file in (BROKER_FILE, MAIL_FILE):
        file.unlink(missing_ok=True)
