"""What became of one task: from the evidence to sentences.  Nothing here asks anybody."""

import time
from datetime import UTC, datetime

from celery.states import READY_STATES, RETRY, REVOKED, SUCCESS

from labkit.doctor.code_age import newer_files
from labkit.doctor.evidence import Evidence, Holding
from labkit.doctor.findings import Finding, celery_line, clock, duration, several, shortened
from labkit.doctor.queue_diagnosis import did_you_mean, explain_queued
from labkit.doctor.unknown_task import explain_unknown
from labkit.worker_view import WorkerView


def explain(seen: Evidence) -> list[Finding]:
    """Say where the task is, or what is known of it; the first finding is the answer."""
    return [*_where(seen), *_old_workers(seen)]


def _where(seen: Evidence) -> list[Finding]:
    result = seen.result
    if result and result.status in READY_STATES:
        return [_ended(seen)]
    if seen.holdings:
        return [_held(seen, holding) for holding in seen.holdings]
    started = result is not None and result.status != RETRY
    if seen.unacked and not (started and seen.workers.silent):
        return [_taken(seen)]
    if seen.search and seen.search.message:
        return explain_queued(seen)
    if result:
        return [_lost(seen)]
    return [explain_unknown(seen)]


def _ended(seen: Evidence) -> Finding:
    result = seen.result
    assert result  # noqa: S101 - the caller looked
    when = f"{duration(time.time() - result.done_at.timestamp())} ago" if result.done_at else ""
    kept = (
        f"; the result is kept for {duration(result.expires_in_s)}" if result.expires_in_s else ""
    )
    if result.status == SUCCESS:
        return Finding("task", f"done {when}: the result is {shortened(result.result)}{kept}")
    if result.error == "TaskRevokedError: expired":  # Celery's word, in worker/request.py
        return Finding(
            "task",
            f"expired: it was not to start after a given moment (expires), and when a worker "
            f"reached it {when}, that moment was over; it was thrown away",
            "send it again, with a later expires or none; workers that are busy: ./lab monitor",
        )
    if result.status == REVOKED:
        return Finding(
            "task", "revoked: if its message still waits, a worker throws it away on reaching it"
        )
    what, _, name = result.error.partition(": ")
    if what == "NotRegistered":
        known = {task for tasks in seen.registered.values() for task in tasks}
        return Finding(
            "wrong",
            f"the worker that got it {when} does not know the task {name}, "
            f"and threw the message away{did_you_mean(name, known)}",
            f"{celery_line('inspect registered')} shows what workers know; mend the name; "
            "a new file must stand in `include` of celery_app.py; then ./lab restart",
        )
    return Finding(
        "task",
        f"failed {when}: {result.error}{kept}",
        celery_line(f"result --traceback {seen.task_id}"),
    )


def _held(seen: Evidence, holding: Holding) -> Finding:
    worker, request = holding.worker, holding.request
    if holding.state == "active":
        start = request.get("time_start") or time.time()
        return Finding(
            "task",
            f"running in {worker.name} (process {request.get('worker_pid')}) since {clock(start)}, "
            f"for {duration(time.time() - start)}: {request['name']}{_progress(seen)}",
        )
    due = seen.unacked.message.eta if seen.unacked else None
    if holding.state == "scheduled" and due:
        return Finding("task", f"waits in {worker.name} for its time: {_due(due)}{_retrying(seen)}")
    if len(worker.active) >= worker.slots:
        longest = min(worker.active, key=lambda one: one.get("time_start") or time.time())
        seconds = time.time() - (longest.get("time_start") or time.time())
        return Finding(
            "task",
            f"reserved by {worker.name}, behind {several(len(worker.active), 'running task')}; the "
            f"longest, {longest['name']}, has run for {duration(seconds)}",
            "a reserved message waits for this worker even when another one is idle; "
            "workers for long tasks: ./start_worker.sh --prefetch-multiplier=1 -O fair",
        )
    return Finding("task", f"reserved by {worker.name}, about to start: {request['name']}")


def _progress(seen: Evidence) -> str:
    result = seen.result
    if not result or result.status in {"STARTED", RETRY}:
        return ""
    return f"; it last reported {result.status} {shortened(result.result)}"


def _retrying(seen: Evidence) -> str:
    if not seen.result or seen.result.status != RETRY or not seen.unacked:
        return ""
    number = seen.unacked.message.headers.get("retries", 0) + 1
    return f", for attempt {number}; the one before failed with {seen.result.error}"


def _due(eta: datetime) -> str:
    seconds = (eta - datetime.now(UTC)).total_seconds()
    if seconds <= 0:
        return f"it was due at {clock(eta)}"
    return f"it is due in {duration(seconds)}, at {clock(eta)}"


def _taken(seen: Evidence) -> Finding:
    unacked = seen.unacked
    assert unacked  # noqa: S101 - the caller looked
    taken = (
        f"a worker took its message from the queue {unacked.queue!r} at {clock(unacked.taken_at)}"
    )
    eta = unacked.message.eta
    due = f" ({_due(eta)})" if eta else ""
    limits = _rate_limits(seen, unacked.message.task)
    if limits:
        return Finding(
            "task",
            f"{taken}, and holds it back: {unacked.message.task} has a rate limit of "
            f"{' and '.join(limits)} in each worker",
            f"{celery_line('control rate_limit TASK 0')} lifts it",
        )
    if seen.workers.silent:
        silent = several(seen.workers.silent, "connected worker")
        return Finding(
            "task",
            f"{taken}{due}, and {silent} does not answer: "
            "a worker with --pool=solo answers only between two tasks",
        )
    if seen.holder_unknown:
        return Finding(
            "task",
            f"{taken}{due}; which worker has it now cannot be known: one has so many tasks "
            "waiting for their time that it did not list them in 1 s",
        )
    back = unacked.taken_at + seen.visibility_timeout_s
    return Finding(
        "wrong",
        f"{taken}{due}, and no worker that answers has it: that worker has probably ended; "
        f"Redis gives the message to another one some time after {clock(back)} "
        f"(visibility_timeout, {seen.visibility_timeout_s:.0f} s)",
        "wait, or send it again if it may run twice",
    )


def _rate_limits(seen: Evidence, task: str) -> list[str]:
    """The rate limits that workers have for this task: ["1/s"]."""
    limits = {tasks.get(task, {}).get("rate_limit", "") for tasks in seen.registered.values()}
    return sorted(limits - {"", "None", "0"})


def _lost(seen: Evidence) -> Finding:
    """A state that is not the last one, and nobody who could bring the task further."""
    result = seen.result
    assert result  # noqa: S101 - the caller looked
    info = result.result if isinstance(result.result, dict) else {}
    who = f" by {info['hostname']}" if "hostname" in info else ""
    state = f"its stored state is {result.status}{who}"
    if seen.workers.silent:
        return Finding(
            "task",
            f"{state}; {several(seen.workers.silent, 'connected worker')} does not answer, "
            "so whether it still runs cannot be known now",
        )
    if seen.search and not seen.search.complete:
        return Finding(
            "task",
            f"{state}, and no worker that answers has it; its message was not among the "
            f"{seen.search.looked_at:,} oldest of {seen.search.total:,} that wait",
        )
    return Finding(
        "wrong",
        f"{state}, but no worker that answers has it, and no message is left: it was lost with "
        "its worker, and the state will not change any more",
        "send it again; acks_late=True keeps the message until the task has ended",
    )


def _old_workers(seen: Evidence) -> list[Finding]:
    """Workers that run, ran or would run this task with older code than the files hold."""
    message = seen.search.message if seen.search else None
    if seen.holdings:
        workers = [holding.worker for holding in seen.holdings]
        return old_worker_findings(workers, seen.holdings[0].request["name"])
    if message:
        return old_worker_findings(seen.workers.answered, message.task)
    if seen.result and seen.result.status in READY_STATES:  # it does not say which task it was
        return old_worker_findings(seen.workers.answered)
    return []


def old_worker_findings(workers: list[WorkerView], task: str = "") -> list[Finding]:
    """One finding for each worker that started before a code file was saved."""
    findings = []
    for worker in workers:
        files = newer_files(worker, task)
        if files:
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            findings.append(
                Finding(
                    "wrong",
                    f"{worker.name} is older than {files[0]}{more}: it runs the code as it was "
                    f"when it started",
                    "./lab restart; a worker started by hand: Ctrl-C, and start it again",
                )
            )
    return findings
