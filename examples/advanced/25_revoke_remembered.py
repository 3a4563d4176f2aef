"""A revoke remembered: which worker knows it, for how long, and what a restart does to it.

Nothing about a revoke is written into the message.  The workers that were told keep the id in
memory: 50,000 ids at most, each for three hours.  What a worker keeps in memory is gone when it
ends.  It puts the messages back that it held, and whoever takes them next knows nothing.  (A worker
that starts can ask the others what they were told: mingle, which start_worker.sh leaves out.)

Here each of two workers holds a task that is due in 8 s, and is told to revoke it.  Then both stop,
and start again.  One of them has --statedb, a file for what it was told.  The state in the result
backend says REVOKED meanwhile, for both; that stops nobody.

The task is `report_sales` in tasks/advanced_tasks/desk.py.

    ./lab run 25        # about 14 s

Watch: http://localhost:5555/tasks shows one of the tasks first as REVOKED, and then as SUCCESS.

You should see:

    a worker remembers 50000 ids, each for 10800 s
    $ ./start_worker.sh -n lesson25-memory@%h --queues=lesson25.memory --concurrency=1
    $ ./start_worker.sh -n lesson25-file@%h --queues=lesson25.file --concurrency=1 ...statedb=...
    both workers have ended, and were started again
    worker  told: ids  state    restarted: ids  in the end  its task
    memory  1          REVOKED  0               SUCCESS     began and ended
    file    1          REVOKED  1               REVOKED     never began
    true: without the file the revoked task ran after the restart
    true: with --statedb it was thrown away

Try next.  Guess first:
  1. Take out setups.stop() and setups.start().  Which of the two claims does not hold any more?
  2. Put one.results["DUE-1"].state in place of one.state("DUE-1"), twice.  Which row contradicts
     itself?
"""

from celery.worker import state

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from labkit.own.files import own_file
from tasks.advanced_tasks import report_sales

DUE_S = 8  # both workers have ended before
ANSWER_S = 5  # a worker answers in milliseconds


def main() -> None:
    known = state.revoked  # a worker has this in its memory; each process imports its own
    print(f"a worker remembers {known.maxlen} ids, each for {known.expires:.0f} s")
    with own_file("lesson25-revoked") as file:
        settings = {"memory": [], "file": [f"--statedb={file}"]}
        with trial("lesson25", settings, "--concurrency=1") as setups:
            for one in setups:  # a worker, a queue and a ledger each
                one.send(report_sales, "DUE-1", countdown=DUE_S)
            setups.wait_until_settled()  # each holds its task
            # Only the worker that holds the task is told.  Without a destination all workers would
            # be, also the shared ones, and would keep the id for three hours.
            for one in setups:
                task_id, to = one.results["DUE-1"].id, [one.worker.name]
                app.control.revoke(task_id, destination=to, reply=True, timeout=ANSWER_S)
            told = [(ids_known_to(one.worker.name), one.state("DUE-1")) for one in setups]

            # A warm stop: each puts its message back into the queue, and the second one writes its
            # file in the moment when it ends.
            setups.stop()
            setups.start()
            print("both workers have ended, and were started again")
            restarted = [ids_known_to(one.worker.name) for one in setups]
            setups.wait_until_quiet()  # the time has come, and nothing is left

    rows = [
        (one.name, *before, after, one.state("DUE-1"), one.fate("DUE-1"))
        for one, before, after in zip(setups, told, restarted, strict=True)
    ]
    headings = ("told: ids", "state", "restarted: ids", "in the end", "its task")
    table("worker", *headings, rows=rows)
    memory, file = setups
    claim(memory.ended("DUE-1"), "without the file the revoked task ran after the restart")
    claim(not file.began("DUE-1"), "with --statedb it was thrown away")


def ids_known_to(worker: str) -> int:
    """How many revoked ids the worker says it knows."""
    return len(app.control.inspect([worker], timeout=ANSWER_S, limit=1).revoked()[worker])


if __name__ == "__main__":
    run_lesson(main, queues=[])
