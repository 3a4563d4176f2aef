"""Who answered, who did not, who shares a name, and whether a Beat runs."""

from labkit.broker.workers import ANSWER_TIMEOUT_S, Workers
from labkit.doctor.findings import Finding
from labkit.doctor.local_processes import Stopped, stopped_finding
from labkit.stack.children import CAREFUL
from labkit.stack.worker_check import START_WORKER, no_worker_hint
from labkit.words import several


def worker_findings(
    workers: Workers, waiting: int, stopped: list[Stopped], *, deadly: bool = False
) -> list[Finding]:
    """The findings about the workers themselves.

    waiting: messages in all queues.  stopped: workers and Beats of this machine that are stopped.
    deadly: a message waits on which a worker would end.
    """
    findings = [
        *map(stopped_finding, stopped),
        *_silent(workers.silent - len(stopped)),
        *_twins(workers),
    ]
    if workers.answered:
        names = ", ".join(worker.name for worker in workers.answered)
        queues = ", ".join(sorted(workers.consumed())) or "no queue"
        return [Finding("ok", f"{names} answered, taking from {queues}"), *findings]
    if workers.silent:
        return findings
    wait = "waits" if waiting == 1 else "wait"
    held = f", and {several(waiting, 'message')} {wait} for one" if waiting else ""
    hint = no_worker_hint()
    if deadly and hint == START_WORKER:
        held += "; one of the messages ends workers: type the hint again until its worker stays, "
        held += "because the second one that ends on a message sets it aside"
        hint = f"{START_WORKER} -- {CAREFUL}"
    return [Finding("wrong", f"no worker is connected{held}", hint)]


def _silent(count: int) -> list[Finding]:
    """Redis says how many are connected, and not who they are."""
    if count < 1:
        return []
    who = "1 connected worker or Beat" if count == 1 else f"{count} connected workers or Beats"
    who += (
        f" did not answer in {ANSWER_TIMEOUT_S:.0f} s: a worker with --pool=solo answers only "
        "between two tasks; one that is stopped (Ctrl-Z, kill -STOP) or hangs, never; a stopped "
        "one has a T in the list of processes, and fg in its terminal lets it go on"
    )
    return [Finding("wrong", who, "ps -eo pid,stat,args")]


def _twins(workers: Workers) -> list[Finding]:
    return [
        Finding(
            "wrong",
            f"{count} workers are called {name}: what they have is shown together, and which of "
            "them has it cannot be known; `celery inspect` and Flower show one of them; stop one, "
            "and start it with a name of its own",
            "./start_worker.sh -n second@%h",
        )
        for name, count in workers.doubled.items()
    ]


def beat_findings(workers: Workers, expected: bool) -> list[Finding]:
    """The findings about Beat.  expected: the app has a timetable."""
    beats = ", ".join(workers.beats)
    if len(workers.beats) > 1:
        several_beats = (
            f"{len(workers.beats)} Beats answered ({beats}): what is in the timetable of each of "
            "them is sent by each of them; Ctrl-C in its terminal stops one (one with a timetable "
            "of its own can stay)"
        )
        return [Finding("wrong", several_beats, "./lab status")]
    if beats:
        return [Finding("ok", f"{beats} answered: a Beat runs")]
    if not expected:
        return []
    none = "no Beat answered: if none runs, nothing of beat_schedule is sent (one without remote "
    return [Finding("?", f"{none}control does not answer)", "./start_beat.sh")]
