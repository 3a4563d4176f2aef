"""`./lab doctor`: what is wrong with the lab, or what became of one task."""

import os
import time
from collections.abc import Callable
from dataclasses import replace

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from lab_home import BROKER_FILE, LAB_HOME, REDIS_URL, masked, running_broker
from labkit.broker.broken_data import broken_data
from labkit.broker.check import (
    NoAnswer,
    TakesNoMessage,
    broker_error,
    check_redis,
    client_for,
    refused_message,
)
from labkit.broker.inspector import LAB_QUEUES
from labkit.broker.layout import layout_of
from labkit.broker.queues import lengths, queues_with_messages
from labkit.broker.workers import Workers, ask_workers
from labkit.doctor.clocks import clock_findings, clocks_ahead, zone_findings
from labkit.doctor.code import load_app, old_worker_findings
from labkit.doctor.diagnosis import explain
from labkit.doctor.findings import Finding, more_time, report
from labkit.doctor.gather import gather
from labkit.doctor.lab_parts import (
    beat_is_out,
    living_workers,
    part_findings,
    set_aside_answer,
    set_aside_findings,
)
from labkit.doctor.local_processes import stopped_nodes
from labkit.doctor.orders import order_findings
from labkit.doctor.queue_findings import nobody_takes, stored_messages, unread_findings
from labkit.doctor.server_health import server_findings
from labkit.doctor.taken import look_at_taken, taken_findings
from labkit.doctor.task_ids import checked_task_id
from labkit.doctor.worker_findings import beat_findings, worker_findings
from labkit.errors import LabError
from labkit.processes.running_lab import read_state, running_lab
from labkit.stack.code import TOO_SLOW, import_error, mend_hint
from labkit.waiting import Later

LEAST_S = 0.5  # for the import of the tasks, also where the start of Python has taken long
TOO_LONG = "not all of them answered in this time"
WHAT_THEY_HOLD = f"cannot know what the workers hold: {TOO_LONG}"
TOTAL_S = 2.5  # for everything; the rest of 3 s is for the start of Python and the end
LOOK_S = 1.5  # at least for looking, also where the start of Python has taken long
REPORT_S = 1.0  # after that, to put together what was seen
SLOW = "the broker or this machine is slow"


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
    looked_for = checked_task_id(task_id)
    answer = diagnose(looked_for, deadline)
    not_found = answer[0].kind == "?"
    if looked_for != task_id.strip():
        answer.insert(0, Finding("task", f"looked for the id {looked_for}"))
    return report(answer) or int(not_found)


def diagnose(task_id: str, deadline: float) -> list[Finding]:
    """What became of one task; LabError if the broker cannot be asked."""
    refused = refused_message(REDIS_URL)
    app, client = load_app(), client_for(REDIS_URL)
    try:
        look = Later(
            lambda: (
                set_aside_answer(client, task_id)
                or explain(gather(app, client, task_id, deadline=deadline))
            )
        )
        found = look.until(deadline + REPORT_S, [])
    except (redis.RedisError, OperationalError) as error:
        raise broker_error(error, REDIS_URL, client) from None
    if not found:
        raise LabError(
            f"there was no time to look at every place where the task may be; {SLOW}",
            more_time(task_id),
        )
    client.close()
    return [*found, _finding_of(refused)] if refused else found


def examine(deadline: float) -> list[Finding]:
    """What is wrong with broker, workers, queues and code."""
    import_check = Later(lambda: import_error(max(LEAST_S, deadline - time.monotonic())))
    findings = _broker_file()
    try:
        findings = [*_look_at_broker(deadline), *findings]
    except NoAnswer as error:
        # A start with a file that cannot be read would only fail again.
        broken = None if os.environ.get("REDIS_URL") else broken_data(LAB_HOME)
        findings = [_finding_of(broken or error), *findings]
    except LabError as error:
        findings = [_finding_of(error), *findings]
    code = _code(import_check, deadline)
    findings = [*findings, *part_findings()]
    if code and code[0].kind == "wrong":  # ./lab restart refuses such code
        mend = code[0].hint
        findings = [
            replace(one, hint=mend) if one.hint == "./lab restart" else one for one in findings
        ]
    return [*findings, *code]


def _look_at_broker(deadline: float) -> list[Finding]:
    """The broker, its server, workers and queues, one after the other, while there is time."""
    client = client_for(REDIS_URL)
    looks: list[tuple[str, Callable[[], list[Finding] | None]]] = [
        ("the broker", _broker),
        ("its server", lambda: server_findings(client)),
        ("workers and queues", lambda: _workers_and_queues(client, deadline)),
        ("the shop's orders", order_findings),
    ]
    findings: list[Finding] = []
    names = [name for name, _ in looks]
    try:
        for number, (_, look) in enumerate(looks):
            found = Later(look).until(deadline + REPORT_S, None)
            if found is None:
                left = f"there was no time to look at {', '.join(names[number:])}; {SLOW}"
                kind = "wrong" if number < len(names) - 1 else "?"  # the last one is about the shop
                return [*findings, Finding(kind, left, more_time())]
            findings += found
    except TakesNoMessage as refused:
        return [_finding_of(refused), stored_messages(client, layout_of(_app()))]
    except (redis.RedisError, OperationalError) as error:
        return [*findings, _finding_of(broker_error(error, REDIS_URL, client))]
    return findings


def _finding_of(error: LabError) -> Finding:
    return Finding("wrong", error.sentence, error.hint)


def _broker() -> list[Finding]:
    """Does a broker answer, is its database the lab's, and does it take messages?"""
    owner = check_redis(REDIS_URL)
    whose = "its database is the lab's" if owner == "ours" else "its database is empty"
    return [Finding("ok", f"the broker at {masked(REDIS_URL)} answers, and {whose}")]


def _broker_file() -> list[Finding]:
    """Is the broker file left over from a lab that was killed?"""
    if not running_broker() or running_lab(LAB_HOME):
        return []
    left = f"{BROKER_FILE} is left from a lab that no longer runs"
    return [Finding("wrong", left, "./lab down; ./lab up")]


def _app() -> Celery:
    """The lab's app; where it cannot be imported, one that can ask the workers that still run."""
    try:
        return load_app()
    except LabError:  # the code's own finding says why
        return Celery("lab-doctor", broker=REDIS_URL, set_as_current=False)


def _workers_and_queues(client: redis.Redis, deadline: float) -> list[Finding]:
    app = _app()
    asked = Later(lambda: ask_workers(app, client_for(REDIS_URL)))
    layout = layout_of(app)
    by_queue = lengths(client, queues_with_messages(client, layout=layout), layout)
    waiting = {queue: sum(lists.values()) for queue, lists in by_queue.items()}
    unread, lost = unread_findings(app, client, by_queue, layout)
    workers = asked.until(deadline, None)
    if workers is None:
        return [*unread, Finding("?", f"cannot know what the workers do: {TOO_LONG}", more_time())]
    held = Later(lambda: _held(app, workers))
    clocks = Later(lambda: _clocks(app, workers))
    stopped = stopped_nodes(client) if workers.silent else []
    unconnected = [] if workers.answered or workers.silent else living_workers()
    deadly = any(trouble.ends for trouble in lost.values())
    total = sum(waiting.values())
    findings = unconnected or worker_findings(workers, total, stopped, deadly=deadly)
    findings = [*findings, *unread, *set_aside_findings(client)]
    if workers.answered:
        expected = bool(app.conf.beat_schedule) and not beat_is_out()
        findings += beat_findings(workers, expected=expected)
    findings += [
        nobody_takes(queue, count, workers, readable=queue not in lost)
        for queue, count in sorted(waiting.items())
        # Without any worker it is enough to say so; ./lab up brings some for the lab's queues.
        if count
        and queue not in workers.consumed()
        and (workers.answered or queue not in LAB_QUEUES)
    ]
    findings += held.until(deadline, [Finding("?", WHAT_THEY_HOLD, more_time())])
    unknown = f"cannot know what time the workers have: {TOO_LONG}"
    findings += clocks.until(deadline, [Finding("?", unknown, more_time())])
    return findings + old_worker_findings(workers.answered)


def _held(app: Celery, workers: Workers) -> list[Finding]:
    """What the workers hold, and their time zones."""
    settings = workers.inspect(app).conf() or {} if workers.answered else {}
    zones = zone_findings(app, settings) if app.conf.include else []  # if it is the lab's app
    with client_for(REDIS_URL) as client:
        taken = look_at_taken(app, client, workers, settings)
    if taken is None:
        return [Finding("?", WHAT_THEY_HOLD, more_time()), *zones]
    return [*taken_findings(taken, workers), *zones]


def _clocks(app: Celery, workers: Workers) -> list[Finding]:
    """Whether the workers have our time."""
    if not workers.answered:
        return []
    with client_for(REDIS_URL) as client:
        return clock_findings(clocks_ahead(app, client, len(workers.answered)))


def _code(import_check: Later[str | None], deadline: float) -> list[Finding]:
    """Can the tasks be imported?"""
    why = import_check.until(deadline + 0.1, TOO_SLOW)
    if why and why.startswith(TOO_SLOW):
        return [Finding("?", f"cannot know whether the tasks can be imported: {why}", more_time())]
    if why:
        return [Finding("wrong", f"the tasks cannot be imported: {why}", mend_hint(why))]
    refused = (read_state(LAB_HOME) or {}).get("refused")
    return [Finding("ok", "celery_app.py and all tasks can be imported")] if not refused else []
