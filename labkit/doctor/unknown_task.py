"""A task of which no state is stored and that nobody has: never sent, ignored, or expired?

Redis alone cannot tell these apart.  A worker's log can; where there is none, the doctor says
what it cannot know.
"""

import time

from lab_home import LAB_HOME
from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding, clock, duration
from labkit.doctor.task_ids import looks_like_celery
from labkit.doctor.worker_logs import LogTrace

ENDED = {"succeeded": "it succeeded", "raised": "it failed"}  # words of the worker's log


def explain_unknown(seen: Evidence) -> Finding:
    """The honest answer about a task that has left no trace in Redis."""
    return _from_log(seen, seen.log) if seen.log else _without_log(seen)


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
    if log.did not in ENDED:
        return Finding(
            "wrong",
            f"the log of {log.worker} says at {clock(log.at)}: {log.task} {log.did}; since then "
            "nothing, no result is stored, and no worker that answers has it: it was lost",
            f"grep {seen.task_id} {LAB_HOME / 'logs'}/*.log*",
        )
    said = f"{ENDED[log.did]} at {clock(log.at)} in {log.worker} ({log.task}), as the log says"
    age_s = time.time() - log.at.timestamp()
    if log.task in ignoring(seen):
        return Finding(
            "task", f"{said}; this task ignores its result (ignore_result=True): none is stored"
        )
    if seen.result_expires_s and age_s > seen.result_expires_s:
        return Finding(
            "task",
            f"{said}, {duration(age_s)} ago; its result has expired: results are kept for "
            f"{duration(seen.result_expires_s)}",
            "result_expires in celery_app.py; send it again if you need the result",
        )
    return Finding(
        "task",
        f"{said}; its result was not stored (sent with ignore_result=True), or it was forgotten: "
        "which of the two cannot be known",
    )


def _without_log(seen: Evidence) -> Finding:
    """Nothing at all is known; say how far the look went, and what may have been."""
    search = seen.search
    if search and not search.complete:
        looked = (
            f"not among the oldest {search.looked_at:,} of {search.total:,} waiting messages; "
            "whether a newer one is it cannot be known in this time"
        )
    else:
        looked = f"not among the messages that wait ({search.total if search else 0:,})"
    form = "" if looks_like_celery(seen.task_id) else " (it has not the form of Celery's own ids)"
    if seen.unread:
        looked += f" ({seen.unread:,} that workers hold could not be looked at in this time)"
    silent = f" ({seen.workers.silent} connected and silent)" if seen.workers.silent else ""
    names = ", ".join(ignoring(seen))
    ignored = f"its task ignores its result ({names})" if names else "its result was ignored"
    kept = duration(seen.result_expires_s) if seen.result_expires_s else "ever"
    hint = "send it again, and ask with the id that .delay() returns: print(result.id)"
    if seen.flower_page:
        hint = f"Flower has seen it: {seen.flower_page}"
    return Finding(
        "wrong",
        f"nothing is known of it{form}: no result is stored, no worker has it{silent}, and it is "
        f"{looked}; either it was never sent, or it ended and {ignored}, "
        f"or its result has expired (they are kept for {kept})",
        hint,
    )
