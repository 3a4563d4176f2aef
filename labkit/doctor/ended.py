"""A task whose stored state is a last one: done, failed, revoked, expired."""

import time

from celery.states import REVOKED, SUCCESS

from labkit.broker.results import StoredResult
from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import did_you_mean
from labkit.doctor.queued import who_forgot
from labkit.words import celery_line, clock, duration, shortened, typed

# Celery's words in worker/request.py, for a message that a worker threw away on reaching it, and
# for a process that it ended.
EXPIRED, TERMINATED = "TaskRevokedError: expired", "TaskRevokedError: terminated"


def explain_ended(seen: Evidence, result: StoredResult) -> list[Finding]:
    """Say how it ended, and whether a message is left that would run it once more."""
    return [_how(seen, result), *_again(seen, result)]


def _how(seen: Evidence, result: StoredResult) -> Finding:
    when = _when(result)
    kept = (
        f"; the result is kept for {duration(result.expires_in_s)}" if result.expires_in_s else ""
    )
    if result.status == SUCCESS:
        return Finding("task", f"done {when}: the result is {shortened(result.result)}{kept}")
    if result.error == EXPIRED:
        return Finding(
            "task",
            f"expired: it was not to start after a given moment (expires), and when a worker "
            f"reached it {when}, that moment was over; the message was thrown away; a later "
            "expires gives busy workers more time",
            "./lab monitor",
        )
    if result.error == TERMINATED:
        return Finding("task", f"revoked with terminate {when}: its process was ended in the task")
    if result.status == REVOKED:
        return Finding("task", f"revoked {when}")
    what, _, name = result.error.partition(": ")
    if what == "NotRegistered" and not result.traceback:  # a worker raised it, and no task
        known = {task for tasks in seen.registered.values() for task in tasks}
        return Finding(
            "wrong",
            f"the worker that got it {when} does not know the task {name}, "
            f"and threw the message away{did_you_mean(name, known)}; it has not run: mend the "
            "name, or let `include` of celery_app.py name its file, and send it again",
            celery_line("inspect registered"),
        )
    return Finding(
        "task",
        f"failed {when}: {result.error or 'no error is stored'}{kept}",
        celery_line(f"result --traceback {typed(seen.task_id)}"),
    )


def _when(result: StoredResult) -> str:
    """When it ended; a worker on another machine may have another clock."""
    if not result.done_at:
        return "at a time that is not known"
    seconds_ago = time.time() - result.done_at.timestamp()
    if seconds_ago < -1:
        return (
            f"at {clock(result.done_at)} by its worker's clock, which is ahead of this one "
            f"by {duration(-seconds_ago)} at least"
        )
    return f"{duration(max(0.0, seconds_ago))} ago"


def _again(seen: Evidence, result: StoredResult) -> list[Finding]:
    """A message of it that is still there, and what a worker will do with that one."""
    if seen.unacked:
        queue = seen.unacked.queue
        where = f"a worker took one from the queue {queue!r}, and has not acknowledged it"
    elif seen.search and seen.search.message:
        queue = seen.search.queue
        where = f"one waits in the queue {queue!r}"
    else:
        return []
    revoke = celery_line(f"control revoke {typed(seen.task_id)}")
    if result.status != REVOKED:
        left = f"a message of it is left all the same: {where}"
        once_more = f"{left}; who gets that runs it once more, if it is not revoked"
        return [Finding("wrong", once_more, revoke)]
    left = f"a message of it is left: {where}"
    if seen.revoked_in is None:
        return [Finding("?", f"{left}; whether workers remember cannot be known now")]
    if forgot := who_forgot(seen, queue):
        return [Finding("wrong", f"{left}; {forgot}, and would run it", revoke)]
    return [Finding("task", f"{left}; it is thrown away when its turn comes")]
