"""Queues and who takes from them: for the doctor, with and without a task id."""

import difflib
import re
import time
from collections.abc import Iterable
from shlex import quote

from lab_home import LAB_HOME, ROOT
from labkit.broker.inspector import LAB_QUEUES
from labkit.broker.messages import Message
from labkit.broker.workers import Workers
from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding
from labkit.processes.running_lab import running_lab
from labkit.stack.worker_check import no_worker_hint
from labkit.words import celery_line, clock, several, typed

LOSES = "start no worker for it: what a worker cannot read it throws away, or ends on it"
# For a message that no worker can run: the program that sends it must be mended.
FIND_CALLS = "grep -rnE 'apply_async|send_task' --include='*.py' tasks web examples"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A known name that looks like a misspelled one, as the end of a sentence.

    >>> did_you_mean("bascic", ["basic", "advanced"])
    "; did you mean 'basic'?"
    >>> did_you_mean("mail", ["basic"])
    ''
    """
    close = closest(name, known)
    return f"; did you mean {close!r}?" if close else ""


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that looks like a misspelled one; "" where none does.

    >>> closest("basci", {"basic", "advanced"}), closest("mail", {"basic"})
    ('basic', '')
    """
    found = difflib.get_close_matches(name, sorted(set(known) - {name}), n=1)
    return found[0] if found else ""


def restart_hint() -> str:
    """The command that starts the lab's workers anew; one that was started by hand is not its."""
    return "./lab restart" if running_lab(LAB_HOME) else "./start_worker.sh"


def start_hint(queue: str, workers: Workers) -> str:
    """The command that brings a worker for this queue."""
    if not workers.answered and queue in LAB_QUEUES:
        return no_worker_hint()
    if not queue.isprintable() or "," in queue:
        return FIND_CALLS  # no worker can be told this name
    return f"./start_worker.sh --queues={quote(queue)} -n {quote(f'{queue}@%h')}"


def waiting_hint(queue: str, workers: Workers) -> str:
    """What helps a queue from which no worker takes: its messages go where they were meant to go.

    A worker for a misspelled name would only hide the mistake.
    """
    meant = closest(queue, workers.consumed() | set(LAB_QUEUES))
    if meant and queue not in LAB_QUEUES and queue.isprintable():
        return f"./lab move {typed(queue)} {quote(meant)}"
    return start_hint(queue, workers)


def nobody_takes(queue: str, count: int, workers: Workers, *, readable: bool = True) -> Finding:
    """The finding for a queue that holds messages while no worker takes from it.

    readable: False if some of them are no messages that a worker can run: it would lose them.
    """
    known = workers.consumed() | set(LAB_QUEUES)
    guess = did_you_mean(queue, known)
    waits = "waits" if count == 1 else "wait"
    hint = waiting_hint(queue, workers) if readable else "./lab monitor --once"
    lesson = re.match(r"lesson(\d\d)\b", queue)  # what a stopped run has left there
    if lesson and any(ROOT.glob(f"examples/*/{lesson[1]}_*.py")):  # not by an earlier number
        hint = f"./lab run {lesson[1]}"
        guess = "; that lesson removes them"
    return Finding(
        "wrong",
        f"{several(count, 'message')} {waits} in the queue {queue!r}, and "
        f"{nobody(workers)} takes from it{guess}" + ("" if readable else f"; {LOSES}"),
        hint,
    )


def nobody(workers: Workers) -> str:
    """Who does not take from a queue: "no worker", with what weakens it."""
    if workers.silent:
        return f"no worker that answers ({workers.silent} connected and silent)"
    return "no worker"


def explain_queued(seen: Evidence) -> list[Finding]:
    """The task's message waits in a queue: behind how many, and for whom."""
    search, workers = seen.search, seen.workers
    assert search  # noqa: S101 - the caller looked
    message, queue = search.message, search.queue
    assert message  # noqa: S101 - the caller looked
    place = f"behind {several(search.before, 'message')}" if search.before else "as the next one"
    where = f"waits in the queue {queue!r}, {place}: {message.task or 'no task'}{_times(seen)}"
    if refused := message.refusal(seen.accepted):
        return [
            Finding(
                "wrong",
                f"{where}; no worker can run it: {refused}; the call that sends it must be mended",
                FIND_CALLS,
            )
        ]
    if seen.late or workers.not_asked:
        return [Finding("task", f"{where}; {seen.unheard}")]
    takers = [worker for worker in workers.answered if queue in worker.queues]
    if not takers:
        guess = did_you_mean(queue, workers.consumed() | set(LAB_QUEUES))
        return [
            Finding(
                "wrong",
                f"{where}; {nobody(workers)} takes from this queue{guess}"
                + (f"; {seen.unfit}; {LOSES}" if seen.unfit else ""),
                "./lab monitor --once" if seen.unfit else waiting_hint(queue, workers),
            )
        ]
    strangers = [
        worker.name
        for worker in takers
        if worker.name in seen.registered and message.task not in seen.registered[worker.name]
    ]
    if strangers:
        known = seen.registered[strangers[0]]
        some = " if it gets it" if len(strangers) < len(takers) else ""
        return [
            Finding(
                "wrong",
                f"{where}; {strangers[0]}, which takes from this queue, does not know this task "
                f"and will throw it away{some}{did_you_mean(message.task, known)}",
                celery_line("inspect registered"),
            )
        ]
    names = ", ".join(worker.name for worker in takers)
    here = f"{where}; {names} {'take' if len(takers) > 1 else 'takes'} from this queue"
    if seen.revoked_in:
        return [_revoked(seen, here, queue)]
    return [Finding("task", here)]


def _revoked(seen: Evidence, here: str, queue: str) -> Finding:
    """A worker remembers that it was revoked; every worker that takes from the queue must."""
    remember = ", ".join(seen.revoked_in or ())
    revoked = f"{here}; it was revoked, as {remember} remembers"
    forgot = who_forgot(seen, queue)
    if forgot:
        return Finding(
            "wrong",
            f"{revoked}, but {forgot}, and would run it",
            celery_line(f"control revoke {typed(seen.task_id)}"),
        )
    return Finding("task", f"{revoked}: it is thrown away when its turn comes")


def who_forgot(seen: Evidence, queue: str) -> str:
    """The workers that take from this queue and do not know that it was revoked; "" if all do.

    A worker keeps revoked ids in memory alone; one that starts later asks the others only if it
    does not run with --without-mingle.
    """
    names = [
        worker.name
        for worker in seen.workers.answered
        if queue in worker.queues and worker.name not in (seen.revoked_in or ())
    ]
    if not names:
        return ""
    takes = "takes" if len(names) == 1 else "take"
    knows = "does" if len(names) == 1 else "do"
    return f"{', '.join(names)}, which {takes} from this queue, {knows} not remember that"


def _times(seen: Evidence) -> str:
    """The times that a message names: when it is due, when it expires."""
    message = seen.search.message if seen.search else None
    retries = message.retries if message else 0
    text = f", attempt {retries + 1}" if retries else ""
    if message and message.eta:
        text += f", due at {clock(message.eta)}"
    return text + expiry(message)


def expiry(message: Message | None) -> str:
    """When the message expires, or did, as a part of a sentence; "" if it never does."""
    if not message or not message.expires:
        return ""
    at = clock(message.expires)
    if message.expires.timestamp() < time.time():
        return f"; it expired at {at}, so a worker will throw it away"
    return f", expires at {at}"
