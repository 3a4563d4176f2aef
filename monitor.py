"""Watch the lab: queues, workers and tasks.

    python monitor.py           a live view; Ctrl-C ends it
    python monitor.py --once    the tables, once
    python monitor.py --json    one JSON object, for machines

From Python:

    from monitor import get_queue_lengths, get_worker_stats, monitor_task
    monitor_task(add.delay(4, 5).id)

Everything here first asks with a plain Redis client whose database that is, and raises LabError
(one sentence and a hint) if there is no broker, or somebody else's.
"""

import sys
import time
from shlex import quote
from typing import Any

import redis
from celery.result import AsyncResult
from celery.states import PENDING, READY_STATES

from lab_home import REDIS_URL
from labkit.broker.check import check_redis, client_for
from labkit.broker.result_reader import ResultStore
from labkit.broker.results import StoredResult
from labkit.doctor.code import load_app
from labkit.doctor.examine import TOTAL_S, diagnose
from labkit.doctor.findings import report
from labkit.doctor.task_ids import checked_task_id
from labkit.errors import LabError
from labkit.monitor.live import look
from labkit.words import printable, shortened

PENDING_PATIENCE_S = 5.0  # then monitor_task asks the doctor why nothing happens


def get_queue_lengths() -> dict[str, int]:
    """How many messages wait in each queue: {"basic": 12, "advanced": 0, "realworld": 0}."""
    return {name: sum(lists.values()) for name, lists in look()[0].queues.items()}


def get_worker_stats() -> dict[str, dict[str, Any]]:
    """What each worker does.

    Returns {"lab1@host": {"pid": 71, "pool": "prefork", "slots": 4, "queues": ["basic"],
    "active": 1, "reserved": 0, "done": 12}}; a worker that does not answer in 1 s is missing.
    """
    snapshot, refused = look()
    if refused:
        raise refused
    return {one.name: one.summary() for one in snapshot.workers.answered}


def monitor_task(task_id: str | AsyncResult, timeout_s: float = 60) -> str:
    """Print the states of a task as they come, until it has ended or timeout_s is over.

    task_id: the id, or what .delay() returned.
    Returns the last state.  After 5 s without any state it prints what the doctor finds.
    """
    task_id = checked_task_id(task_id if isinstance(task_id, str) else str(task_id.id))
    check_redis(REDIS_URL)
    client = client_for(REDIS_URL)
    store = ResultStore(load_app(), client)
    news = store.follow(task_id)
    start, asked = time.monotonic(), False
    try:
        _print_state(start, last := next(news))
        while not last or last.status not in READY_STATES:
            result = next(news)
            waited_s = time.monotonic() - start
            if result and result != last:
                _print_state(start, last := result)
            if not last and not asked and waited_s > PENDING_PATIENCE_S:
                asked = True
                report(diagnose(task_id, time.monotonic() + TOTAL_S))
            if waited_s > timeout_s:
                print(
                    f"not ended after {timeout_s:.0f} s; ask again: ./lab doctor {quote(task_id)}"
                )
                break
    except redis.RedisError as error:
        raise LabError(f"the result backend stopped answering: {error}", "./lab doctor") from None
    finally:
        store.close()
        client.close()
    return last.status if last else PENDING


def _print_state(start: float, result: StoredResult | None) -> None:
    status: str = PENDING
    what = ""
    if result:
        status, what = result.status, result.error or shortened(result.result)
        if status == "STARTED" and result.worker:
            what = f"in {result.worker}, process {result.pid}"
    line = f"{time.monotonic() - start:6.1f} s  {status:8}  {what}"
    print(printable(line).rstrip(), flush=True)


if __name__ == "__main__":
    from labkit.cli import main

    main(["monitor", *sys.argv[1:]])
