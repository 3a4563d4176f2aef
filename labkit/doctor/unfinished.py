"""A stored state that is not the last one, no worker that has the task, and no message of it.

Either nothing will bring it further, or something will that cannot be seen: another task under the
same id (self.replace), or a worker that does not answer.  Only a log can tell the two apart.
"""

from labkit.broker.results import StoredResult
from labkit.broker.workers import WorkerView
from labkit.doctor.evidence import STOPPING, Evidence
from labkit.doctor.findings import Finding, grep_hint
from labkit.doctor.relatives import relatives
from labkit.doctor.worker_logs import LogTrace
from labkit.words import clock, shortened

LET_GO = (
    "it raised Ignore, or replaced itself (self.replace); what replaces it has the same id, and "
    "stores the next state when it begins or ends"
)

ACKS_LATE = "; acks_late=True keeps the message until the task has ended (lesson 30)"


def explain_unfinished(seen: Evidence, result: StoredResult) -> Finding:
    """Say what is known, and "lost" only where a log shows it."""
    state = f"its stored state is {_state(result)}"
    return _explained(seen, state) or _not_known(seen, state, result) or _over(seen, state, result)


def _explained(seen: Evidence, state: str) -> Finding | None:
    """A log, or a message of another task, says what became of it."""
    more = relatives(seen)
    log = seen.log
    if log and log.did == "ignored":
        said = f"{state}, and the log of {log.worker} said at {clock(log.at)}: ignored"
        return Finding("task", f"{said}: {LET_GO}" + (f"; {more}" if more else ""))
    if more:
        return Finding("task", f"{state}; {more}")
    if log and log.discarded:
        return Finding(
            "task",
            f"{state}, and the log of {log.worker} says that it was discarded: it was revoked, or "
            "had expired; an attempt before that stored its state later",
        )
    if log and log.did in {"succeeded", "raised"}:
        return Finding(
            "wrong",
            f"{state}, but the log of {log.worker} says at {clock(log.at)}: {log.did}; "
            "that end was not stored, or a flush took it",
            grep_hint(seen.task_id),
        )
    return None


def _not_known(seen: Evidence, state: str, result: StoredResult) -> Finding | None:
    """Somebody may have it who was not seen; or the process that began it has let it go."""
    if seen.unheard:
        return Finding(
            "task", f"{state}; whether it still runs cannot be known now: {seen.unheard}"
        )
    if not seen.looked_everywhere:
        return Finding("task", f"{state}, and no worker that answers has it; {_how_far(seen)}")
    if worker := _worker_with(seen, result):
        return Finding(
            "task",
            f"{state}; process {result.pid} of {worker.name}, which began it, does not have it "
            f"now, and no message of it is left: {LET_GO}; or its message went back into the queue "
            "and was purged; or its end could not be stored",
        )
    if seen.process_ended is False:
        return Finding("task", f"{state}; process {result.pid}, which began it, {STOPPING}")
    return None


def _over(seen: Evidence, state: str, result: StoredResult) -> Finding:
    """Everything was looked at, and nothing was found that would run."""
    log = seen.log
    if log and log.mention:
        return Finding(
            "wrong",
            f"{state}, but no worker that answers has it, and no message of it is left; the logs "
            f"say last: {shortened(log.mention)}",
            grep_hint(seen.task_id),
        )
    if log and log.did == "received" and seen.process_ended and _same_worker(result, log):
        return Finding(
            "wrong",
            f"{state}; the last word of the logs is that {log.worker} received it at "
            f"{clock(log.at)}; process {result.pid}, which began it, has ended, no other worker "
            "has it, and no message of it is left: it was lost with its worker, or its message "
            "went back into the queue and was purged; look at what it did before its end, then "
            f"send it again{ACKS_LATE}",
            "./lab run 30",
        )
    stopping = "" if seen.process_ended else "; or its worker is in a warm stop"
    return Finding(
        "wrong",
        f"{state}, but no worker that answers has it, and no message of it is left: it was lost "
        "with its worker, or purged; or it replaced itself (self.replace), and what replaces it "
        f"runs under other ids; or its end could not be stored{stopping}; nothing here says which: "
        f"look for its effects before you send anything twice{ACKS_LATE}",
        "./lab run 30",
    )


def _state(result: StoredResult) -> str:
    if result.worker:
        return f"{result.status} by {result.worker}"
    if result.error:
        return f"{result.status} after {result.error}"
    return result.status if result.result is None else f"{result.status} {shortened(result.result)}"


def _how_far(seen: Evidence) -> str:
    search = seen.search
    if search and not search.complete:
        return (
            f"its message was not among the {search.looked_at:,} oldest of {search.total:,} that "
            "wait"
        )
    if seen.unread:
        return f"{seen.unread:,} messages that workers hold could not be looked at in this time"
    return "what could not be read may say more"


def _worker_with(seen: Evidence, result: StoredResult) -> WorkerView | None:
    """The worker that answered and of which the process that began the task is one."""
    return next(
        (
            one
            for one in seen.workers.answered
            if one.name == result.worker and result.pid in {*one.pids, *one.processes}
        ),
        None,
    )


def _same_worker(result: StoredResult, log: LogTrace) -> bool:
    """True if this log is that of the worker that began it last; logs have the name before @."""
    return result.worker.partition("@")[0] == log.worker
