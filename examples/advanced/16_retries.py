"""Retries: let a task fail, wait, and try again, in each of the ways that Celery offers.

Anything that talks to the outside world fails sometimes.  If waiting may help, a task can say so,
and a worker runs it again later, under the same id.  It holds no slot while it waits.  The task
says which error a wait can heal, how often to try, and how long to wait.

Seven tasks ask a service that answers at the second or third attempt, or never.  They wait side
by side.  Each writes its attempts into a ledger, because the state shows the last one only.

The tasks are in tasks/advanced_tasks/retry_forms.py: read their decorators first.

    ./lab run 16        # about 8 s

Watch: http://localhost:5555/tasks has one line for each task, however often it tries.  While it
waits, a worker has its message already: RETRY or RECEIVED.  Its own page says Retries and ETA.

You should see:

    retry_by_hand    waited ... s: SUCCESS answered at attempt 2
    retry_doubled    waited ..., ... s: SUCCESS answered at attempt 3
    retry_fixed      waited ..., ... s: SUCCESS answered at attempt 3
    retry_backoff    waited ..., ..., ... s: FAILURE not ready at attempt 4
    retry_jitter     waited ..., ..., ... s: FAILURE not ready at attempt 4
    retry_swallowed  waited ..., ... s: SUCCESS ended well, it says
    true: every task made as many attempts as it should; max_retries=3 permits four
    true: each wait was as long as its task says, or up to 1 s longer
    true: a wait drawn by chance is not longer than without the chance
    true: the swallowed retry ran again after SUCCESS, and its answer was lost
    retry_default    will wait 180 s, by the eta of its message: RETRY not ready at attempt 1
    true: where nobody says how long, a retry waits three minutes

Try next.  Guess first:
  1. Set max_retries=1 in retry_backoff.  How many attempts are there, and what remains?
  2. Set retry_backoff_max=2 in retry_backoff.  What are its waits?
  3. Let retry_fixed retry for ConnectionError instead.  How many attempts are there now?
"""

import json
from datetime import datetime
from itertools import pairwise

import redis
from celery import Task
from celery.result import AsyncResult

from celery_app import app
from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers
from labkit.waiting import wait_until
from tasks.advanced_tasks import (
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
    retry_swallowed,
)
from work.ledger import Ledger

NEVER = 99  # more attempts than any of them makes
# Each task, which attempt is answered, and the waits in seconds that its decorator or code says.
FORMS = [
    (retry_by_hand, 2, [5]),
    (retry_doubled, 3, [1, 2]),
    (retry_fixed, 3, [2, 2]),
    (retry_backoff, NEVER, [1, 2, 4]),
    (retry_jitter, NEVER, [1, 2, 4]),  # at most these
    (retry_swallowed, 3, [1, 1]),
]
LATE_S = 1  # a task may start that much later than it is due, because the machine is busy
TIMEOUT_S = 30  # the longest takes 7 s; the rest is room for a busy worker
EXPIRES_S = 60  # of use to nobody after the lesson: no worker will try it again in 3 minutes


def main() -> None:
    with own_ledgers("lesson16", "attempts") as (ledger,):
        results = {task: task.delay(ledger.run, ready_at) for task, ready_at, _ in FORMS}
        default = retry_default.apply_async((ledger.run, NEVER), expires=EXPIRES_S)

        late_s = {}  # how much longer than asked for each task waited, each time
        for task, _, asked_s in FORMS:
            answer = results[task].get(timeout=TIMEOUT_S, propagate=False)
            waited_s = waits(ledger, task, results[task], len(asked_s))
            shown = ", ".join(f"{wait_s:.1f}" for wait_s in waited_s) or "0"
            print(f"{short(task):<17}waited {shown} s: {results[task].state} {answer}")
            late_s[task] = [wait_s - s for wait_s, s in zip(waited_s, asked_s, strict=False)]
        counts = {task: len(attempts(ledger, task)) for task in results}

        claim(
            all(counts[task] == len(asked_s) + 1 for task, _, asked_s in FORMS),
            "every task made as many attempts as it should; max_retries=3 permits four",
        )
        drawn_s = late_s.pop(retry_jitter)
        claim(
            all(0 <= late < LATE_S for lates in late_s.values() for late in lates),
            f"each wait was as long as its task says, or up to {LATE_S} s longer",
        )
        claim(max(drawn_s) < LATE_S, "a wait drawn by chance is not longer than without the chance")
        # A result object remembers the first final state that it has seen; a new one asks again.
        stored = app.AsyncResult(results[retry_swallowed].id).result
        claim(
            stored != results[retry_fixed].result,
            "the swallowed retry ran again after SUCCESS, and its answer was lost",
        )

        wait_until(lambda: default.state == "RETRY" and due(default.id) is not None, TIMEOUT_S)
        wait_s = due(default.id) - attempts(ledger, retry_default)[0]
        print(
            f"{short(retry_default):<17}will wait {wait_s:.0f} s, by the eta of its message:"
            f" {default.state} {default.result}"
        )
        claim(
            180 <= wait_s < 180 + LATE_S, "where nobody says how long, a retry waits three minutes"
        )


def attempts(ledger: Ledger, task: Task) -> list[float]:
    """When each attempt of a task began, in seconds since 1970."""
    return [entry.time for entry in ledger.entries() if entry.job == short(task)]


def waits(ledger: Ledger, task: Task, result: AsyncResult, count: int) -> list[float]:
    """The seconds between the attempts of a task; waits until there are `count`, or it failed."""
    # SUCCESS is no sign that a task has ended: see retry_swallowed.  FAILURE is.
    wait_until(lambda: len(attempts(ledger, task)) > count or result.failed(), TIMEOUT_S)
    return [later - earlier for earlier, later in pairwise(attempts(ledger, task))]


def due(task_id: str) -> float | None:
    """When the next attempt of a task is due: `eta` in the message that a worker holds for it."""
    client = redis.Redis.from_url(app.conf.broker_url, decode_responses=True)
    for raw in client.hvals("unacked"):
        headers = json.loads(raw)[0]["headers"]
        if headers["id"] == task_id and headers["eta"]:
            return datetime.fromisoformat(headers["eta"]).timestamp()
    return None


def short(task: Task) -> str:
    return task.name.rpartition(".")[2]


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
