"""Messages that were taken and not acknowledged: does a worker that answers have them?

Workers list what they run, have reserved, or keep until its time.  They do not list what a rate
limit holds back.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis
from celery import Celery

from labkit.broker.layout import Layout, layout_of
from labkit.broker.messages import moment
from labkit.broker.queues import READ_AT_ONCE, Unacked, still_taken, taken_first, unacked_count
from labkit.broker.workers import Workers
from labkit.doctor.ask import NO_LIMIT, registered_in
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import start_hint
from labkit.words import clock, duration, several

# kombu's own; a worker looks every INTERVAL seconds, and at every THROTTLE-th time really.
VISIBILITY_TIMEOUT_S, INTERVAL_S, THROTTLE = 3600, 10, 10


@dataclass(frozen=True)
class Taken:
    """What was seen.

    nobody: messages that no worker lists, and no worker that takes from their queue was there when
        they were taken.
    unsure: no worker lists them, but one that takes from their queue was there, and may hold them
        back.
    kept_by_worker_alone: {worker: the times of tasks that it keeps, with no message in Redis}.
    timeouts: (seconds until a message is given to another worker, until that is noticed), of each
        client whose settings are known.
    """

    nobody: list[Unacked] = field(default_factory=list)
    unsure: list[Unacked] = field(default_factory=list)
    kept_by_worker_alone: dict[str, list[float]] = field(default_factory=dict)
    timeouts: list[tuple[float, float]] = field(default_factory=list)
    looked_at: int = 0
    total: int = 0


def look_at_taken(
    app: Celery, client: redis.Redis, workers: Workers, settings: dict[str, dict[str, Any]]
) -> Taken | None:
    """Compare what Redis holds with what workers list; None if a worker did not list everything.

    Messages move on meanwhile: none is counted that was not there before and after.
    """
    layout = layout_of(app)
    before, total = taken_first(client, layout=layout), unacked_count(client, layout)
    lists = workers.inspect(app).scheduled() or {} if workers.answered else {}
    if len(lists) < len(workers.answered):
        return None
    listed = {entry["request"]["id"] for entries in lists.values() for entry in entries}
    missing = {tag: one for tag, one in before.items() if one.message.task_id not in listed}
    if missing and workers.answered:
        ids = [one.message.task_id for one in missing.values()]
        answers = workers.inspect(app).query_task(*ids) or {}
        if len(answers) < len(workers.answered):
            return None
        listed |= {task_id for tasks in answers.values() for task_id in tasks}
        missing = {tag: one for tag, one in missing.items() if one.message.task_id not in listed}
    left = list(still_taken(client, missing, layout).values()) if not workers.silent else []
    limits = _rate_limited(app, workers) if left else set()
    suspects = {id(one) for one in left if workers.there_for(one.queue, one.taken_at)}
    alone = _without_message(client, lists, layout) if total <= READ_AT_ONCE else {}
    return Taken(
        nobody=[one for one in left if id(one) not in suspects],
        unsure=[one for one in left if id(one) in suspects and one.message.task not in limits],
        kept_by_worker_alone=alone,
        timeouts=[_timeout(app.conf), *map(_timeout, settings.values())],
        looked_at=len(before),
        total=total,
    )


def _rate_limited(app: Celery, workers: Workers) -> set[str]:
    """The tasks that have a rate limit in some worker: {"tasks.playground.limited"}."""
    return {
        task
        for tasks in registered_in(app, workers).values()
        for task, attributes in tasks.items()
        if attributes.get("rate_limit", "") not in NO_LIMIT
    }


def _without_message(
    client: redis.Redis, lists: dict[str, list], layout: Layout
) -> dict[str, list[float]]:
    """{worker: the times of the tasks that wait in it, and have no message in Redis}."""
    taken = taken_first(client, layout=layout)
    if len(taken) < unacked_count(client, layout):  # one that cannot be read may be of such a task
        return {}
    there = {one.message.task_id for one in taken.values()}
    now = time.time()
    alone = defaultdict(list)
    for worker, entries in lists.items():
        for entry in entries:
            try:
                due = moment(entry["eta"])
            except ValueError:  # the end of the year 9999, which this time zone cannot show
                continue
            request = entry["request"]
            # What is due has perhaps begun, and an end or a revoke also takes the message away.
            waits = due and due.timestamp() > now and not request["acknowledged"]
            if due and waits and request["id"] not in there:
                alone[worker].append(due.timestamp())
    return dict(alone)


def _timeout(settings: Any) -> tuple[float, float]:
    options = settings.get("broker_transport_options") or {}
    sweep = options.get("unacked_restore_interval", INTERVAL_S)
    return (
        options.get("visibility_timeout", VISIBILITY_TIMEOUT_S),
        sweep * (options.get("unacked_restore_throttle", THROTTLE) or 1),
    )


def taken_findings(taken: Taken, workers: Workers) -> list[Finding]:
    """One finding for each queue whose messages nobody has, and for each worker that is alone."""
    findings = []
    for kind, some in (("wrong", taken.nobody), ("?", taken.unsure)):
        for queue, messages in _by_queue(some):
            what, them, back = _words(queue, messages, taken, workers)
            ended = f"if the one that took {them} has ended, {back}"
            if kind == "wrong":
                told = f"{what}, and no worker that answers has {them}; {ended}; a worker in a "
                told += "warm stop ends what runs, and gives back the rest"
            else:
                told = f"{what}, and no worker lists {them}; {ended}; or a rate limit that was "
                told += f"lifted since still holds {them} back, which no worker tells"
            told += "; what is sent once more may run twice"
            takers = queue in workers.consumed()
            hint = "./lab monitor" if takers else start_hint(queue, workers)
            findings.append(Finding(kind, told, hint))
    return findings + [_alone(*one) for one in sorted(taken.kept_by_worker_alone.items())]


def _by_queue(messages: list[Unacked]) -> list[tuple[str, list[Unacked]]]:
    queues = sorted({one.queue for one in messages})
    return [(queue, [one for one in messages if one.queue == queue]) for queue in queues]


def _words(
    queue: str, messages: list[Unacked], taken: Taken, workers: Workers
) -> tuple[str, str, str]:
    """("2 messages of the queue ... not acknowledged", "them", "they go back ...")."""
    number, first = len(messages), messages[0].taken_at
    text = f"{several(number, 'message')} of the queue {queue!r}"
    if number == 1:
        text, goes, them = f"{text} was taken (at {clock(first)})", "it goes", "it"
    else:
        text, goes, them = f"{text} were taken (the first at {clock(first)})", "they go", "them"
    if taken.looked_at < taken.total:
        text += f", among the first {taken.looked_at:,} of {taken.total:,} that were looked at,"
    timeout = min(timeout for timeout, _ in taken.timeouts)  # the shortest of all clients counts
    look = min(look for _, look in taken.timeouts)
    who = "workers look" if workers.answered else "a worker, if one runs, looks"
    back = (
        f"{goes} back into the queue some time after {clock(first + timeout)} (visibility_timeout "
        f"is {duration(timeout)}; {who} for such messages every {duration(look)})"
    )
    return f"{text} and not acknowledged", them, back


def _alone(worker: str, times: list[float]) -> Finding:
    what = "1 task waits for its" if len(times) == 1 else f"{len(times):,} tasks wait for their"
    return Finding(
        "wrong",
        f"{what} time in {worker}, with no message in Redis (as after FLUSHDB): if that worker "
        f"ends before, nothing brings {'it' if len(times) == 1 else 'them'} back; until "
        f"{clock(max(times))} let no ./lab restart and no ./lab down end it, whatever else is "
        "advised here, and save no file that ./lab up watches",
        "./lab monitor",
    )
