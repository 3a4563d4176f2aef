"""Revoke: call a task off, while it waits or while it runs.

`revoke(id)` does not touch a queue.  It tells workers an id, and they keep it: "when you come to
this one, throw it away".  So it helps before a task has begun.  A running task goes on, unless you
add terminate=True; that kills the process of the pool that has the task, with all that it was
doing.

Here two workers have the same three tasks: one that runs, one that is queued behind it, and one
that is due in 4 s.  Then all of them are called off, with terminate=True at one of the workers.

The task is `report_sales` in tasks/advanced_tasks/desk.py.  Where a revoke is remembered, and how
it gets lost, is the next lesson.

    ./lab run 24        # about 10 s

Watch: http://localhost:5555/tasks shows five of the six tasks as REVOKED.

You should see:

    $ ./start_worker.sh -n lesson24-revoke@%h --queues=lesson24.revoke --concurrency=1
    $ ./start_worker.sh -n lesson24-terminate@%h --queues=lesson24.terminate --concurrency=1
    the task was   revoke(id)                revoke(id, terminate=True)
    running        SUCCESS: began and ended  REVOKED: began, and did not end
    queued behind  REVOKED: never began      REVOKED: never began
    due in 4 s     REVOKED: never began      REVOKED: never began
    true: revoke() alone stops only what has not begun
    true: terminate=True stopped the running task, too, in the middle

Try next.  Guess first:
  1. Take "RUN-1" out of CALLED_OFF.  Does terminate=True for the queued task kill the process
     that works on the one before it?
  2. Add "--pool=threads" behind "--concurrency=1".  Who runs now although it was
     called off?
"""

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from tasks.advanced_tasks import report_sales

SETTINGS = ["revoke", "terminate"]
TASKS = {"RUN-1": "running", "QUEUE-1": "queued behind", "DUE-1": "due in 4 s"}
CALLED_OFF = ["RUN-1", "QUEUE-1", "DUE-1"]
JOB_S = 3  # long enough to be called off in the middle
DUE_S = 4  # soon enough to see that it does not run then either
ANSWER_S = 5  # a worker answers in milliseconds


def main() -> None:
    with trial("lesson24", SETTINGS, "--concurrency=1") as setups:
        for one in setups:  # a worker with one slot, a queue and a ledger each
            one.send(report_sales, "RUN-1", JOB_S)
            one.send(report_sales, "QUEUE-1")
            one.send(report_sales, "DUE-1", countdown=DUE_S)
        setups.wait_until_begun("RUN-1")

        # Three tasks are called off at each worker.  Only one of the two is told to kill, too.
        for one in setups:
            ids = [one.results[job].id for job in CALLED_OFF]
            call_off(ids, one.worker.name, terminate=one.name == "terminate")
        # Until the time of the last one has come, too: only then its worker throws it away.
        setups.wait_until_quiet()

    # A state is only what somebody reported.  What the work itself wrote down stands beside it.
    rows = [
        [label, *(f"{one.state(job)}: {one.fate(job)}" for one in setups)]
        for job, label in TASKS.items()
    ]
    table("the task was", "revoke(id)", "revoke(id, terminate=True)", rows=rows)
    done, done_by_terminate = (one.done() for one in setups)
    claim(done == ["RUN-1"], "revoke() alone stops only what has not begun")
    claim(not done_by_terminate, "terminate=True stopped the running task, too, in the middle")


# In your own code `app.control.revoke(id)` is enough: without a destination all workers are told,
# and one of them has the task, or will come to it.  Here each is told alone, and asked for an
# answer, so that the lesson goes on when it knows.
def call_off(ids: list[str], worker: str, *, terminate: bool) -> None:
    """Tell one worker to throw these tasks away, and wait until it has answered."""
    app.control.revoke(
        ids,
        terminate=terminate,  # True: also the one that runs; its process is killed
        destination=[worker],
        reply=True,
        timeout=ANSWER_S,
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
