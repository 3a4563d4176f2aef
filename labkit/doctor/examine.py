"""`./lab doctor`: what is wrong with the lab, or what became of one task."""

import time

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from lab_home import BROKER_FILE, LAB_HOME, REDIS_URL, masked, running_broker
from labkit.code import TOO_SLOW, import_error
from labkit.doctor.clocks import clock_findings, clocks_ahead, zone_findings
from labkit.doctor.diagnosis import explain, old_worker_findings
from labkit.doctor.findings import Finding, report
from labkit.doctor.gather import gather
from labkit.doctor.load_app import load_app
from labkit.doctor.queue_diagnosis import LAB_QUEUES, nobody_takes
from labkit.doctor.server_health import server_findings
from labkit.doctor.stopped import stopped_nodes
from labkit.doctor.taken import look_at_taken, taken_findings
from labkit.doctor.task_ids import checked_task_id
from labkit.doctor.worker_findings import beat_findings, worker_findings
from labkit.errors import LabError
from labkit.later import Later
from labkit.layout import layout_of
from labkit.queues import lengths, queues_with_messages
from labkit.redis_check import check_redis, client_for
from labkit.state import StackLock, read_state
from labkit.worker_view import Workers, ask_workers

LEAST_S = 0.5  # for the import of the tasks, also where the start of Python has taken long
TOO_LONG = "they took too long to answer"
TOTAL_S = 2.5  # for everything; the rest of 3 s is for the start of Python and the end
LOOK_S = 1.0  # at least for looking, also where the start of Python has taken long


def doctor(task_id: str | None, began: float, wait_s: float = TOTAL_S) -> int:
    """Print the findings; return the exit code: 0 all is well or the task was found, else 1.

    A task of which nothing is known was not found, although nothing need be wrong.

    began: time.monotonic() when the command began.
    wait_s: how long all of it may take; what has not answered by then is said to be not looked at.
    Raises LabError where there is no broker to ask about a task, and with exit code 2 for an id
    that can be none.
    """
    deadline = max(began + wait_s, time.monotonic() + LOOK_S)
    if task_id is None:
        return report(examine(deadline))
    answer = diagnose(checked_task_id(task_id), deadline)
    not_found = answer[0].kind == "?"
    return report(answer) or int(not_found)


def diagnose(task_id: str, deadline: float) -> list[Finding]:
    """What became of one task; LabError if the broker cannot be asked."""
    check_redis(REDIS_URL)
    client = client_for(REDIS_URL)
    try:
        return explain(gather(load_app(), client, task_id, deadline=deadline))
    except (redis.RedisError, OperationalError) as error:
        raise LabError(f"the broker stopped answering: {error}", "./lab doctor") from None
    finally:
        client.close()


def examine(deadline: float) -> list[Finding]:
    """What is wrong with broker, workers, queues and code."""
    import_check = Later(lambda: import_error(max(LEAST_S, deadline - time.monotonic())))
    broker = _broker()
    findings = [broker, *_broker_file()]
    if broker.kind == "ok":
        client = client_for(REDIS_URL)
        try:
            findings += [*server_findings(client), *_workers_and_queues(client, deadline)]
        except (redis.RedisError, OperationalError) as error:
            findings.append(Finding("wrong", f"the broker stopped answering: {error}", "./lab up"))
        finally:
            client.close()
    return [*findings, *_code(import_check, deadline)]


def _broker() -> Finding:
    """Does a broker answer, and is its database the lab's?"""
    try:
        owner = check_redis(REDIS_URL)
    except LabError as error:
        sentence, _, hint = str(error).removeprefix("error: ").partition("\n\nhint: ")
        return Finding("wrong", sentence, hint)
    whose = "its database is the lab's" if owner == "ours" else "its database is empty"
    return Finding("ok", f"the broker at {masked(REDIS_URL)} answers, and {whose}")


def _broker_file() -> list[Finding]:
    """Is the broker file left over from a lab that was killed?"""
    if not running_broker() or StackLock(LAB_HOME).held():
        return []
    return [
        Finding(
            "wrong", f"{BROKER_FILE} is left from a lab that no longer runs", "./lab down; ./lab up"
        )
    ]


def _workers_and_queues(client: redis.Redis, deadline: float) -> list[Finding]:
    try:
        app = load_app()
    except LabError:  # the code's own finding says why; workers that still run can be asked
        app = Celery("lab-doctor", broker=REDIS_URL, set_as_current=False)
    asked: Later[Workers | None] = Later(lambda: ask_workers(app, client_for(REDIS_URL)))
    layout = layout_of(app)
    by_queue = lengths(client, queues_with_messages(client, layout=layout), layout)
    waiting = {queue: sum(lists.values()) for queue, lists in by_queue.items()}
    workers = asked.until(deadline, None)
    if workers is None:
        return [Finding("?", f"cannot know what the workers do: {TOO_LONG}")]
    looked = Later(lambda: _looked_closer(app, workers))
    stopped = stopped_nodes(client) if workers.silent else []
    findings = worker_findings(workers, sum(waiting.values()), stopped)
    if workers.answered:
        findings += beat_findings(workers, expected=bool(app.conf.beat_schedule))
    findings += [
        nobody_takes(queue, count, workers)
        for queue, count in sorted(waiting.items())
        # Without any worker it is enough to say so; ./lab up brings some for the lab's queues.
        if count
        and queue not in workers.consumed()
        and (workers.answered or queue not in LAB_QUEUES)
    ]
    unknown = f"cannot know what the workers hold, and what time they have: {TOO_LONG}"
    findings += looked.until(deadline, [Finding("?", unknown)])
    return findings + old_worker_findings(workers.answered)


def _looked_closer(app: Celery, workers: Workers) -> list[Finding]:
    """What the workers hold, and their clocks."""
    client = client_for(REDIS_URL)
    settings = workers.inspect(app).conf() or {} if workers.answered else {}
    taken = look_at_taken(app, client, workers, settings)
    unknown = [Finding("?", f"cannot know what the workers hold: {TOO_LONG}")]
    findings = unknown if taken is None else taken_findings(taken, workers)
    if workers.answered:
        findings += clock_findings(clocks_ahead(app, client, len(workers.answered)))
    if app.conf.include:  # it is the app of the lab
        findings += zone_findings(app, settings)
    return findings


def _code(import_check: Later[str | None], deadline: float) -> list[Finding]:
    """Can the tasks be imported?"""
    why = import_check.until(deadline + 0.1, TOO_SLOW)
    if why and why.startswith(TOO_SLOW):
        return [Finding("?", f"cannot know whether the tasks can be imported: {why}")]
    if why:
        hint = "mend that line and save, or ./lab restore FILE"
        return [Finding("wrong", f"the tasks cannot be imported: {why}", hint)]
    refused = (read_state(LAB_HOME) or {}).get("refused")
    return [Finding("ok", "celery_app.py and all tasks can be imported")] if not refused else []
