"""The processes of the running lab itself, and the messages on which its workers ended."""

import redis

from lab_home import LAB_HOME
from labkit.broker.set_aside import kept_messages
from labkit.doctor.findings import Finding
from labkit.errors import in_shell
from labkit.processes.running_lab import process_of, processes_of, read_state
from labkit.stack.code import given_up_hint
from labkit.words import several, shortened

# Stopped ones are found by their connections (labkit/doctor/local_processes.py).
NODES = ("worker", "beat")


def part_findings() -> list[Finding]:
    """What of the running lab does not run, or is stopped."""
    state = read_state(LAB_HOME) or {}
    given_up: dict[str, str] = state.get("given_up", {})
    findings = []
    for name, why in given_up.items():
        hint = given_up_hint(why, reload=state["reload"])
        findings.append(Finding("wrong", f"{name} does not run, because {why}", hint))
    for child in state.get("children", []):
        if child["kind"] not in NODES and process_of(child).stopped():
            pid = child["pid"]
            stopped = f"{child['name']} (process {pid}) is stopped (kill -STOP), it answers nothing"
            pids = process_of(child).group_pids()
            findings.append(Finding("wrong", stopped, f"kill -CONT {pids}"))
    return findings


def beat_is_out() -> bool:
    """True if the running lab's Beat is given up, or stopped: other findings tell of that."""
    state = read_state(LAB_HOME)
    given_up = bool(state and "beat" in state["given_up"])
    return given_up or any(beat.stopped() for beat in processes_of(state, "beat"))


def living_workers() -> list[Finding]:
    """The running lab's workers whose process lives: what they do if none of them is connected."""
    findings = []
    for child in (read_state(LAB_HOME) or {}).get("children", []):
        if child["kind"] == "worker" and process_of(child).running():
            log = LAB_HOME / "logs" / f"{child['name']}.log"
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            last = f"; its log says last: {shortened(lines[-1])}" if lines else ""
            sentence = f"{child['name']} (process {child['pid']}) runs, and is not connected{last}"
            findings.append(Finding("wrong", sentence, f"tail {in_shell(log)}"))
    return findings


def set_aside_findings(client: redis.Redis) -> list[Finding]:
    """The messages that were set aside, in one sentence."""
    every = kept_messages(client)
    if not every:
        return []
    count = f"{several(len(every), 'message')} {'is' if len(every) == 1 else 'are'} set aside"
    return [Finding("wrong", f"{count}; the last one: {every[-1].sentence}", "./lab aside")]


def set_aside_answer(client: redis.Redis, task_id: str) -> list[Finding]:
    """The answer about a task whose message was set aside; [] for any other."""
    some = [one for one in kept_messages(client) if task_id in {one.name, one.tag}]
    return [Finding("wrong", one.sentence, "./lab aside") for one in some]
