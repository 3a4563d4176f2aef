"""A task whose message waits in a queue: behind how many, and for whom."""

import time

from labkit.broker.inspector import LAB_QUEUES
from labkit.broker.messages import Message
from labkit.broker.search import Search
from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import FIND_CALLS, LOSES, did_you_mean, nobody, waiting_hint
from labkit.words import celery_line, clock, several, typed


def explain_queued(seen: Evidence, search: Search, message: Message) -> list[Finding]:
    """The task's message waits in a queue: behind how many, and for whom."""
    queue, workers = search.queue, seen.workers
    place = f"behind {several(search.before, 'message')}" if search.before else "as the next one"
    where = f"waits in the queue {queue!r}, {place}: {message.task or 'no task'}{_times(message)}"
    if refused := message.refusal(seen.accepted):
        where += f"; no worker can run it: {refused}; the call that sends it must be mended"
        return [Finding("wrong", where, FIND_CALLS)]
    if seen.late or workers.not_asked:
        return [Finding("task", f"{where}; {seen.unheard}")]
    takers = [worker for worker in workers.answered if queue in worker.queues]
    if not takers:
        guess = did_you_mean(queue, workers.consumed() | set(LAB_QUEUES))
        where += f"; {nobody(workers)} takes from this queue{guess}"
        where += f"; {seen.unfit}; {LOSES}" if seen.unfit else ""
        return [Finding("wrong", where, waiting_hint(queue, workers, readable=not seen.unfit))]
    strangers = [
        worker.name
        for worker in takers
        if worker.name in seen.registered and message.task not in seen.registered[worker.name]
    ]
    if strangers:
        known = seen.registered[strangers[0]]
        some = " if it gets it" if len(strangers) < len(takers) else ""
        where += f"; {strangers[0]}, which takes from this queue, does not know this task "
        where += f"and will throw it away{some}{did_you_mean(message.task, known)}"
        return [Finding("wrong", where, celery_line("inspect registered"))]
    names = ", ".join(worker.name for worker in takers)
    here = f"{where}; {names} {'take' if len(takers) > 1 else 'takes'} from this queue"
    if seen.revoked_in:
        return [_revoked(seen, here, queue)]
    return [Finding("task", here)]


def _revoked(seen: Evidence, here: str, queue: str) -> Finding:
    """A worker remembers that it was revoked; every worker that takes from the queue must."""
    remember = ", ".join(seen.revoked_in or ())
    revoked = f"{here}; it was revoked, as {remember} remembers"
    if forgot := who_forgot(seen, queue):
        revoke = celery_line(f"control revoke {typed(seen.task_id)}")
        return Finding("wrong", f"{revoked}, but {forgot}, and would run it", revoke)
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
    takes, does = ("takes", "does") if len(names) == 1 else ("take", "do")
    return f"{', '.join(names)}, which {takes} from this queue, {does} not remember that"


def _times(message: Message) -> str:
    """The times that a message names: when it is due, when it expires."""
    text = f", attempt {message.retries + 1}" if message.retries else ""
    if message.eta:
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
