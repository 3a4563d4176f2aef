"""A task of which no state is stored and that nobody has: never sent, not sent yet, or forgotten?

Redis alone cannot tell these apart.  A worker's log can; where there is none, the doctor says how
far it looked, and all that may be so.
"""

import time
from shlex import quote

from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding, grep_hint, more_time
from labkit.doctor.queue_findings import FIND_CALLS
from labkit.doctor.relatives import relatives
from labkit.doctor.task_ids import looks_like_celery
from labkit.doctor.worker_logs import LogTrace
from labkit.words import clock, duration, several, shortened, typed

ENDED = {"succeeded": "it succeeded", "raised": "it failed"}  # words of the worker's log
OTHER_WORDS = {  # of the log: what it means where no state is stored
    "discarded": "it was revoked, or had expired; the state that says so is gone",
    "ignored": "it raised Ignore, or replaced itself (self.replace), and stores no state",
}


def explain_unknown(seen: Evidence) -> Finding:
    """The honest answer about a task that has left no trace in Redis."""
    if seen.group:
        ended = "" if seen.group.ended is None else f", of which {seen.group.ended} have ended"
        return Finding(
            "task",
            f"it is the id of a group, not of a task: {several(seen.group.size, 'task')}{ended}",
        )
    if seen.log:
        return _from_log(seen, seen.log)
    if more := relatives(seen):
        return Finding("task", f"{_no_state(seen)}: {more}")
    return _without_log(seen)


def ignoring(seen: Evidence) -> list[str]:
    """The tasks whose results are never stored (ignore_result=True), as the workers say."""
    return sorted(
        {
            task
            for tasks in seen.registered.values()
            for task, attributes in tasks.items()
            if attributes.get("ignore_result") == "True"
        }
    )


def _from_log(seen: Evidence, log: LogTrace) -> Finding:
    if log.did == "refused":
        refused = f"{log.worker} could not read its message at {clock(log.at)}, and threw it away: "
        refused += f"{log.why}; the program that sends it must be mended"
        if "ContentDisallowed" in log.why:
            refused += ": the lab accepts JSON alone (accept_content), "
            refused += 'and serializer="json" makes it'
        return Finding("wrong", refused, FIND_CALLS)
    if log.did in ENDED:
        return _no_result(seen, log)
    if log.did == "named":
        words = f"the log of {log.worker} says last: {shortened(log.why)}"
        return Finding("?", words, grep_hint(seen.task_id))
    said = f"the log of {log.worker} says at {clock(log.at)}: {log.task} {log.did}"
    if log.did in OTHER_WORDS:
        more = relatives(seen)
        return Finding("task", f"{said}: {OTHER_WORDS[log.did]}" + (f"; {more}" if more else ""))
    if seen.unheard:
        return Finding("task", f"{said}; whether it runs cannot be known now: {seen.unheard}")
    return _no_end(seen, log, said)


def _no_end(seen: Evidence, log: LogTrace, said: str) -> Finding:
    """The log says that a worker had it, and not what became of it."""
    if log.mention:  # maybe of another worker's log
        words = f"{said}; the logs say last: {shortened(log.mention)}"
        return Finding("?", words, grep_hint(seen.task_id))
    return Finding(
        "wrong",
        f"{said}; since then nothing, {_no_state(seen)}, no worker that answers has "
        f"it, and it is {_looked(seen)}: it was lost with its worker, or purged, or Redis was "
        "flushed; or that worker is in a warm stop, and still runs it",
        grep_hint(seen.task_id),
    )


def _no_result(seen: Evidence, log: LogTrace) -> Finding:
    """The log says that it ended; why is no result stored?"""
    said = f"{ENDED[log.did]} at {clock(log.at)} in {log.worker} ({log.task}), as the log says"
    age_s = time.time() - log.at.timestamp()
    if log.task in ignoring(seen):
        why = "this task ignores its result (ignore_result=True): none is stored"
    elif seen.result_expires_s and age_s > seen.result_expires_s:
        why = (
            f"that was {duration(age_s)} ago, and results are kept for "
            f"{duration(seen.result_expires_s)} (result_expires)"
        )
    else:
        why = (
            f"{_no_state(seen, 'result')}: it was sent with ignore_result=True, or the "
            "result was forgotten or flushed, or is kept elsewhere; which of these cannot be known"
        )
    return Finding("task", f"{said}; {why}")


def _no_state(seen: Evidence, what: str = "state") -> str:
    if seen.store_unread:
        return f"its {what} could not be read"
    return f"no {what} is stored" + (f" in {seen.store}" if seen.store else "")


def _without_log(seen: Evidence) -> Finding:
    """Nothing at all is known; say how far the look went, and what may have been."""
    form = "" if looks_like_celery(seen.task_id) else " (it has not the form of Celery's own ids)"
    return Finding(
        "?",
        f"nothing is known of it{form}: {_no_state(seen, 'result')}, no worker that answers "
        f"has it{_silent(seen)}, no log of the lab's workers names it, and it is {_looked(seen)}; "
        "what may be so:",
        _hint(seen),
        _perhaps(seen),
    )


def _silent(seen: Evidence) -> str:
    if seen.late or seen.workers.not_asked:
        return " (they were not heard)"
    return f" ({seen.workers.silent} connected and silent)" if seen.workers.silent else ""


def _looked(seen: Evidence) -> str:
    search = seen.search
    if search and not search.complete:
        looked = (
            f"not among the oldest {search.looked_at:,} of {search.total:,} waiting messages; "
            "whether a newer one is it cannot be known in this time"
        )
    else:
        looked = f"not among the messages that wait ({search.total if search else 0:,})"
    if seen.unread:
        looked += f" ({seen.unread:,} that workers hold could not be looked at in this time)"
    return looked


def _perhaps(seen: Evidence) -> list[str]:
    """Everything that leaves just these traces, what is seen most often first."""
    unheard = f"a worker has it that was not heard: {seen.unheard}"
    found = [unheard] if seen.unheard else []
    if seen.flower_page:
        found.append(f"it ran, and its result is not kept: Flower has seen it ({seen.flower_page})")
    running = sum(len(one.active) for one in seen.workers.answered)
    now = f"; {several(running, 'task')} {'runs' if running == 1 else 'run'} now" if running else ""
    if seen.unfinished_chords:
        now += f"; {several(seen.unfinished_chords, 'chord')} not ended yet"
    found.append(
        "it is a later step of a chain, or the body of a chord, and is sent when what comes before "
        f"it has ended{now}"
    )
    found.append("it is the id of a group, of which nothing is stored: ask for one of its tasks")
    names = ", ".join(ignoring(seen))
    whose = f"its task ignores its result ({names})" if names else "its result was ignored"
    kept = duration(seen.result_expires_s) if seen.result_expires_s else "ever"
    found.append(f"it ended, and {whose}, or the result has expired (they are kept for {kept})")
    found.append(
        "it was never sent (is it the id that .delay() returned?); or to another broker or "
        "database than this one"
    )
    found.append("its message was purged, or Redis was flushed")
    refused = "a worker could not read its message, and threw it away"
    if seen.last_unread:
        worker, at = seen.last_unread
        refused += f": the log of {worker} says so of one at {clock(at)}, without its id"
    found.append(refused)
    found.append("a worker in a warm stop runs it, which answers no question")
    if running:
        found.append("what runs now may send it when it ends: ask again then")
    return found


def _hint(seen: Evidence) -> str:
    if seen.flower_page:
        return f"python3 -m webbrowser {quote(seen.flower_page)}"
    if seen.late or (seen.search and not seen.search.complete):
        return more_time(seen.task_id)
    if any(one.active for one in seen.workers.answered):
        return f"./lab doctor {typed(seen.task_id)}"
    return "./lab monitor --once"
