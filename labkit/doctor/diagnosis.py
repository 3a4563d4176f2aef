"""What became of one task: from the evidence to sentences.  Nothing here asks anybody.

This module decides which kind of answer it is; ended, held, queued, unfinished and
unknown_task write the sentences.  A sentence says what was seen, and where it concludes more, it
says what else may be so.
"""

from celery.states import READY_STATES, RETRY

from labkit.doctor.code import old_worker_findings
from labkit.doctor.ended import explain_ended
from labkit.doctor.evidence import Evidence
from labkit.doctor.findings import Finding, grep_hint
from labkit.doctor.held import explain_holding, explain_taken
from labkit.doctor.queued import explain_queued
from labkit.doctor.unfinished import explain_unfinished
from labkit.doctor.unknown_task import explain_unknown
from labkit.words import celery_line, typed

REVOKE_IT = "; if the task ends its process, revoke it: who gets it next throws it away"
POISON = 3  # times that a message came back; a worker that is stopped now and then makes one or two


def explain(seen: Evidence) -> list[Finding]:
    """Say where the task is, or what is known of it; the first finding is the answer."""
    return [*_where(seen), *_redelivered(seen), *_not_read(seen), *_old_workers(seen)]


def _where(seen: Evidence) -> list[Finding]:
    result = seen.result
    if result and result.status in READY_STATES:
        return explain_ended(seen, result)
    if seen.holdings:
        return [explain_holding(seen, holding) for holding in seen.holdings]
    started = result is not None and result.status != RETRY
    if seen.unacked and not (started and seen.unheard):
        return [explain_taken(seen, seen.unacked)]
    if seen.search and seen.search.message:
        return explain_queued(seen, seen.search, seen.search.message)
    if result:
        return [explain_unfinished(seen, result)]
    return [explain_unknown(seen)]


def _redelivered(seen: Evidence) -> list[Finding]:
    """How often its message came back, where the logs say it: a poisonous one does so for ever."""
    times = seen.log.redelivered if seen.log else 0
    if not times or (seen.result and seen.result.status in READY_STATES):
        return []
    often = (
        f"its message came to a worker {times + 1} times, as the logs say, and nobody retried it: "
        "a connection or a process ended before it was acknowledged, or it was sent more than once "
        "under this id"
    )
    if times < POISON:
        return [Finding("task", often, grep_hint(seen.task_id))]
    revoke = celery_line(f"control revoke {typed(seen.task_id)}")
    return [Finding("wrong", often + REVOKE_IT, revoke)]


def _not_read(seen: Evidence) -> list[Finding]:
    """What could not be looked at, so that nobody takes silence for an answer."""
    return [Finding("?", sentence) for sentence in seen.not_read]


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
