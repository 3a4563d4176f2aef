"""Ask the workers about one task: who has it, who knows it, who remembers that it was revoked."""

from celery import Celery

from labkit.broker.workers import Workers
from labkit.doctor.evidence import Holding, Registered

NO_LIMIT = {"", "None", "0"}  # what a worker says of a task without a rate limit


def registered_in(app: Celery, workers: Workers) -> Registered:
    """The tasks that the workers know, with their ignore_result and rate_limit."""
    if not workers.answered:
        return {}
    answers = workers.inspect(app).registered("ignore_result", "rate_limit") or {}
    return {name: dict(map(_attributes, tasks)) for name, tasks in answers.items()}


def holdings_of(workers: Workers, task_id: str) -> list[Holding]:
    """The workers that run the task or have reserved it."""
    return [
        Holding(worker, state, request)
        for worker in workers.answered
        for state, requests in (("active", worker.active), ("reserved", worker.reserved))
        for request in requests
        if request["id"] == task_id
    ]


def scheduled_in(app: Celery, workers: Workers, task_id: str) -> tuple[list[Holding], bool]:
    """(the workers in which the task waits for its ETA, True if one of them did not answer)."""
    if not workers.answered:
        return [], False
    by_name = {worker.name: worker for worker in workers.answered}
    found = workers.inspect(app).query_task(task_id) or {}
    holdings = [
        Holding(by_name[name], state, request)
        for name, tasks in found.items()
        for state, request in tasks.values()
        if state in {"active", "reserved", "scheduled"}
    ]
    if holdings:
        return holdings, False
    # query_task does not see a task after its first retry; the whole list does, and may be long.
    listed = workers.inspect(app).scheduled() or {}
    holdings = [
        Holding(by_name[name], "scheduled", entry["request"])
        for name, entries in listed.items()
        for entry in entries
        if entry["request"]["id"] == task_id
    ]
    return holdings, len(listed) < len(by_name)


def who_revoked(app: Celery, workers: Workers, task_id: str) -> list[str]:
    """The workers that remember that this task was revoked: ["lab1@host"].

    A worker remembers the last 50,000 ids, for 3 hours; it forgets them when it ends, if it has
    no --statedb (celery/worker/state.py).
    """
    answers = workers.inspect(app).revoked() or {} if workers.answered else {}
    return sorted(name for name, ids in answers.items() if task_id in ids)


def result_expires_s(app: Celery, workers: Workers) -> float:
    """How long the workers keep results: the shortest time that one of them names."""
    settings = workers.inspect(app).conf() or {} if workers.answered else {}
    times = [conf.get("result_expires") for conf in settings.values()]
    return min((one for one in times if one), default=app.conf.result_expires or 0)


def _attributes(text: str) -> tuple[str, dict[str, str]]:
    """A line of `celery inspect registered`, decoded.

    >>> _attributes("tasks.basic_tasks.add [rate_limit=1/s ignore_result=False]")
    ('tasks.basic_tasks.add', {'rate_limit': '1/s', 'ignore_result': 'False'})
    """
    name, _, attributes = text.partition(" [")
    pairs = (pair.partition("=") for pair in attributes.rstrip("]").split())
    return name, {key: value for key, _, value in pairs}
