"""A task that a worker has: running, reserved, waiting for its time, or held back."""

import time
from datetime import UTC, datetime

from celery.states import RETRY

from labkit.broker.queues import Unacked
from labkit.broker.workers import WorkerView
from labkit.doctor.ask import NO_LIMIT
from labkit.doctor.evidence import STOPPING, Evidence, Holding
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import LOSES, nobody, start_hint
from labkit.doctor.queued import expiry
from labkit.words import clock, duration, several, shortened


def explain_holding(seen: Evidence, holding: Holding) -> Finding:
    """A worker says that it has the task."""
    worker, request = holding.worker, holding.request
    if holding.state == "active":
        return _running(seen, holding)
    if holding.state == "scheduled":
        return _scheduled(seen, worker)
    message = seen.unacked.message if seen.unacked else None
    if number := seen.workers.doubled.get(worker.name):
        return Finding(
            "task",
            f"reserved by one of the {number} workers that are called {worker.name}: "
            f"{request['name']}{expiry(message)}; which of them has it cannot be known; that "
            "one keeps it, also when the other one is idle",
            "./lab monitor",
        )
    if len(worker.active) >= worker.slots:
        longest = min(worker.active, key=lambda one: one.get("time_start") or time.time())
        seconds = time.time() - (longest.get("time_start") or time.time())
        return Finding(
            "task",
            f"reserved by {worker.name}, behind {several(len(worker.active), 'running task')}; the "
            f"longest, {longest['name']}, has run for {duration(max(0.0, seconds))}"
            f"{expiry(message)}; this worker keeps it, also when another one is idle (lesson 34 "
            "shows what --prefetch-multiplier=1 changes)",
            "./lab monitor",
        )
    return Finding("task", f"reserved by {worker.name}, and a slot is free: {request['name']}")


def _running(seen: Evidence, holding: Holding) -> Finding:
    worker, request = holding.worker, holding.request
    start = request.get("time_start") or time.time()
    seconds = time.time() - start
    since = f"since {clock(start)}, for {duration(max(0.0, seconds))}"
    if seconds < -1:
        since = f"since {clock(start)} by that worker's clock, which is ahead of this one"
    return Finding(
        "task",
        f"running in {worker.name} (process {request.get('worker_pid')}) {since}: "
        f"{request['name']}{_progress(seen)}",
    )


def _progress(seen: Evidence) -> str:
    result = seen.result
    if not result or result.status in {"STARTED", RETRY}:
        return ""
    return f"; it last reported {result.status} {shortened(result.result)}"


def _scheduled(seen: Evidence, worker: WorkerView) -> Finding:
    eta = seen.unacked.message.eta if seen.unacked else None
    when = f": {due(eta)}{_retrying(seen)}" if eta else ""
    waits = f"waits in {worker.name} for its time{when}"
    if seen.unacked or seen.unread:
        return Finding("task", waits)
    return Finding(
        "task",
        f"{waits}; its message is in Redis no more (a worker of Celery keeps it there until the "
        "task begins), as after a purge or a flush: if that worker ends before, the task is lost",
    )


def _retrying(seen: Evidence) -> str:
    if not seen.result or seen.result.status != RETRY or not seen.unacked:
        return ""
    number = seen.unacked.message.retries + 1
    return f", for attempt {number}; the one before failed with {seen.result.error}"


def due(eta: datetime) -> str:
    """When that is, seen from this machine's clock."""
    seconds = (eta - datetime.now(UTC)).total_seconds()
    if seconds <= 0:
        return f"it was due at {clock(eta)}"
    return f"it is due in {duration(seconds)}, at {clock(eta)}"


def explain_taken(seen: Evidence, unacked: Unacked) -> Finding:
    """Somebody took its message and did not acknowledge it; no worker lists the task."""
    queue, task = unacked.queue, unacked.message.task
    taken = f"a worker took its message from the queue {queue!r} at {clock(unacked.taken_at)}"
    if unacked.message.eta:
        taken += f" ({due(unacked.message.eta)})"
    if seen.unheard:
        return Finding("task", f"{taken}; {seen.unheard}")
    if seen.holder_unknown:
        return Finding(
            "task",
            f"{taken}; which worker has it now cannot be known: one has so many tasks "
            "waiting for their time that it did not list them in the time there was",
        )
    if seen.process_ended is False and seen.result:
        return Finding("task", f"{taken}; process {seen.result.pid}, which began it, {STOPPING}")
    if suspects := seen.workers.there_for(queue, unacked.taken_at):
        return _held_back(seen, taken, task, suspects)
    back = unacked.taken_at + seen.visibility_timeout_s
    return Finding(
        "wrong",
        f"{taken}, and no worker lists it; {nobody(seen.workers)} that answers now took from this "
        "queue then; if the one that took it has ended, "
        f"Redis gives the message to another worker some time after {clock(back)} "
        f"(visibility_timeout, {duration(seen.visibility_timeout_s)} by the lab's settings; the "
        "shortest of all clients of this database counts); a worker in a warm stop ends what runs, "
        f"and gives back the rest; {_wait(seen, queue)}",
        _wait_hint(seen, queue),
    )


def _held_back(seen: Evidence, taken: str, task: str, suspects: list[WorkerView]) -> Finding:
    """No worker lists what a rate limit holds back; the workers that may do so are known."""
    names = " or ".join(worker.name for worker in suspects)
    more = "; it goes on by itself, or a restart of that worker puts back what it holds"
    limits = rate_limits(seen, task, suspects)
    if limits:
        return Finding(
            "task",
            f"{taken}, and no worker lists it; {names} may hold it back: {task} has a rate limit "
            f"of {' and '.join(limits)} there, and what a rate limit holds back no worker lists"
            + more,
            "./lab monitor",
        )
    return Finding(
        "?",
        f"{taken}, and no worker lists it; {names} may hold it back, if {task} had a rate limit "
        "there (what waits goes on at the old pace, and no worker lists it); or the worker that "
        f"took it has ended: which of the two cannot be known{more}",
        "./lab monitor",
    )


def _wait(seen: Evidence, queue: str) -> str:
    if queue in seen.workers.consumed():
        return "it comes back by itself, and sent once more it would run twice"
    if seen.unfit:
        return f"{LOSES}: {seen.unfit}"
    return "a worker for its queue must be there then"


def _wait_hint(seen: Evidence, queue: str) -> str:
    if queue in seen.workers.consumed():
        return "./lab monitor"
    return "./lab monitor --once" if seen.unfit else start_hint(queue, seen.workers)


def rate_limits(seen: Evidence, task: str, workers: list[WorkerView]) -> list[str]:
    """The rate limits that these workers have for this task: ["1/s"]."""
    limits = {
        seen.registered.get(worker.name, {}).get(task, {}).get("rate_limit", "")
        for worker in workers
    }
    return sorted(limits - NO_LIMIT)
