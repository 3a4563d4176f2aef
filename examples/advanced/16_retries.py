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

    task             waited, in s   state    result
    retry_by_hand    ...            SUCCESS  answered at attempt 2
    retry_doubled    ..., ...       SUCCESS  answered at attempt 3
    retry_fixed      ..., ...       SUCCESS  answered at attempt 3
    retry_backoff    ..., ..., ...  FAILURE  not ready at attempt 4
    retry_jitter     ..., ..., ...  FAILURE  not ready at attempt 4
    retry_swallowed  ..., ...       SUCCESS  ended well, it says
    true: every task made as many attempts as it should; max_retries=3 permits four
    true: each wait was as long as its task says, or up to 1 s longer
    true: a wait drawn by chance is not longer than without the chance
    true: the swallowed retry ran again after SUCCESS, and its answer was lost
    retry_default: RETRY not ready at attempt 1; by the eta of its message it waits 180 s
    true: where nobody says how long, a retry waits three minutes

Try next.  Guess first:
  1. In tasks/advanced_tasks/retry_forms.py, set max_retries=1 for retry_backoff.  How many attempts
     are there, and what remains?
  2. Give retry_backoff there retry_backoff_max=2 (seconds).  What are its waits?
  3. Let retry_fixed there retry for ConnectionError instead.  How many attempts are there now?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.attempts import short_name, wait_to_come, waits_between
from labkit.own.ledgers import own_ledgers
from tasks.advanced_tasks import (
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
    retry_swallowed,
)

NEVER = 99  # more attempts than any of them makes
# Each task, which attempt is answered, and the waits in seconds that its decorator or code says.
FORMS = [
    (retry_by_hand, 2, [5]),  # self.retry(countdown=5)
    (retry_doubled, 3, [1, 2]),  # self.retry(countdown=2 ** self.request.retries)
    (retry_fixed, 3, [2, 2]),  # autoretry_for, default_retry_delay=2
    (retry_backoff, NEVER, [1, 2, 4]),  # autoretry_for, retry_backoff=1, retry_jitter=False
    (retry_jitter, NEVER, [1, 2, 4]),  # at most these: retry_jitter is on unless you say no
    (retry_swallowed, 3, [1, 1]),  # `except Exception` around self.retry(countdown=1)
]
LATE_S = 1  # a task may start that much later than it is due, because the machine is busy
TIMEOUT_S = 30  # the longest takes 7 s; the rest is room for a busy worker
EXPIRES_S = 60  # of use to nobody after the lesson: no worker will try it again in 3 minutes


def main() -> None:
    with own_ledgers("lesson16", "attempts") as (ledger,):
        # .delay() returns before anything has been tried, so all of them can wait side by side.
        results = {task: task.delay(ledger.run, ready_at) for task, ready_at, _ in FORMS}
        default = retry_default.apply_async((ledger.run, NEVER), expires=EXPIRES_S)

        # The attempts in between are invisible here: one call, one outcome.  Once the retries are
        # used up, .get() would raise the last error; propagate=False hands it over as a value.
        rows, waits = [], {}
        for task, _, asked_s in FORMS:
            answer = results[task].get(timeout=TIMEOUT_S, propagate=False)
            waits[task] = waits_between(ledger, task, results[task], asked_s)
            rows.append((short_name(task), waits[task], results[task].state, answer))
        table("task", "waited, in s", "state", "result", rows=rows)
        claim(
            all(one.as_many for one in waits.values()),
            "every task made as many attempts as it should; max_retries=3 permits four",
        )

        # A thousand tasks that failed together come back together, unless chance spreads them.
        drawn = waits.pop(retry_jitter)
        claim(
            all(0 <= late_s < LATE_S for one in waits.values() for late_s in one.late_s),
            f"each wait was as long as its task says, or up to {LATE_S} s longer",
        )
        claim(
            max(drawn.late_s) < LATE_S,
            "a wait drawn by chance is not longer than without the chance",
        )

        # retry() works by raising Retry.  Who catches that ends with SUCCESS, and nothing
        # overwrites SUCCESS: a result that is asked again does not know of the later attempts.
        again = retry_swallowed.AsyncResult(results[retry_swallowed].id).result
        claim(
            again != results[retry_fixed].result,
            "the swallowed retry ran again after SUCCESS, and its answer was lost",
        )

        # Its message is sent again at once.  A worker takes it, and holds it until it is due.
        wait_s = wait_to_come(ledger, retry_default, default)
        print(f"retry_default: {default.state} {default.result}; ", end="")
        print(f"by the eta of its message it waits {wait_s:.0f} s")
        claim(
            180 <= wait_s < 180 + LATE_S,
            "where nobody says how long, a retry waits three minutes",
        )


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
