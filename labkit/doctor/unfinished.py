"""A stored state that is not the last one, no worker that has the task, and no message of it.

Either nothing will bring it further, or something will that cannot be seen: another task under the
same id (self.replace), or a worker that does not answer.  Only a log can tell the two apart.
"""

from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding, clock, grep_hint, shortened
from labkit.doctor.relatives import relatives
from labkit.doctor.worker_logs import LogTrace
from labkit.results import StoredResult
from labkit.worker_view import WorkerView

LET_GO = (
    "it raised Ignore, or replaced itself (self.replace); what replaces it has the same id, and "
    "stores the next state when it begins or ends"
)


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
    alive = _still_there(seen, result)
    if alive:
        return Finding(
            "task",
            f"{state}; {alive} still runs, and does not have it now, and no message of it is left: "
            f"{LET_GO}; or its end could not be stored",
        )
    return None


def _over(seen: Evidence, state: str, result: StoredResult) -> Finding:
    """Everything was looked at, and nothing is left that would run."""
    log = seen.log
    if log and log.did in {"received", "retry"} and _ended_since(seen, result, log):
        did = "received it" if log.did == "received" else "was to try it again"
        return Finding(
            "wrong",
            f"{state}; the last word of the logs is that {log.worker} {did} at {clock(log.at)}; "
            "that worker has ended since, no other one has the task, and no message of it is left: "
            "it was lost with its worker" + (", or purged" if log.did == "retry" else ""),
            "look at what it did before its end, then send it again; acks_late=True keeps the "
            "message until the task has ended",
        )
    return Finding(
        "wrong",
        f"{state}, but no worker that answers has it, and no message of it is left: it was lost "
        "with its worker, or purged; or it replaced itself (self.replace), and what replaces it "
        "still runs, under other ids; no log here says which",
        "look for its effects before you send anything twice; acks_late=True keeps the message "
        "until the task has ended",
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
    return f"{seen.unread:,} messages that workers hold could not be looked at in this time"


def _worker_of(seen: Evidence, name: str) -> WorkerView | None:
    """The worker with this name, if it answered; a log file has the part before the @."""
    return next(
        (one for one in seen.workers.answered if name in {one.name, one.name.partition("@")[0]}),
        None,
    )


def _still_there(seen: Evidence, result: StoredResult) -> str:
    """The process that began it, if it is still one of its worker's; "" if not, or not known."""
    worker = _worker_of(seen, result.worker)
    if worker and result.pid in {worker.pid, *worker.processes}:
        return f"process {result.pid} of {worker.name}, which began it,"
    return ""


def _ended_since(seen: Evidence, result: StoredResult, log: LogTrace) -> bool:
    """True if the worker with this log, which began the task, is gone or was started again."""
    if result.worker and result.worker.partition("@")[0] != log.worker:
        return False  # another worker, without a log here, had it last
    worker = _worker_of(seen, log.worker)
    return worker is None or worker.started > log.at.timestamp() + 1
