"""A lost pool process: kill only the process that runs a task, and choose what comes then.

When a task takes too much memory, the system kills its process, and only that one.  The worker
lives, and notices it within 5 s.  What it does then is an option of the task, or a setting for all:

- none: the task has failed with WorkerLostError, and does not run again.  Late acknowledgement
  alone changes nothing about that.
- reject_on_worker_lost: the message goes back into the queue.  Nothing counts how often: a task
  that is the reason for the death of its process comes back for ever.
- retry_on_worker_lost: the task is retried, max_retries times at most.  The wait before each retry
  is default_retry_delay, which is 180 s unless you set it.

Three workers with one slot each get two tickets, of a task with the one option, the other, or none
of them.  Whenever a process begins with TL-1, the lesson kills it, as the system would.  With TL-2
nothing is wrong.  The lesson stops killing after 5 times, because one of the three would never
stop.

The tasks are `print_ticket_late`, `print_ticket_requeued` and `print_ticket_retried` in
tasks/advanced_tasks/delivery.py; the last one has max_retries=2 and default_retry_delay=1.

    ./lab run 31        # about 25 s

Watch: http://localhost:5555/tasks shows four successes and two failures; one of them says
that it was retried.  Nothing tells of the kills that `reject` had.

You should see:

    $ ./start_worker.sh -n lesson31-none@%h --queues=lesson31.none --concurrency=1
    $ ./start_worker.sh -n lesson31-reject@%h --queues=lesson31.reject --concurrency=1
    $ ./start_worker.sh -n lesson31-retry@%h --queues=lesson31.retry --concurrency=1
    option  TL-1 began  was killed  its state in the end
    none    1           1           FAILURE  WorkerLostError
    reject  6           5           SUCCESS
    retry   3           3           FAILURE  WorkerLostError
    verdict                     none  reject   retry
    sent                           2       2       2
    started                        2       2       2
    finished                       1       2       1
    lost                           1       0       1
    started twice or more          0       1       1
    finished twice or more         0       0       0
      none, lost: TL-1 (...)
      reject, started twice or more: TL-1 (...)
      retry, lost: TL-1 (...)
      retry, started twice or more: TL-1 (...)
    true: none: the task was not tried again, though it is acknowledged late
    true: reject: it came back after each of 5 kills, and only the lesson ended that
    true: retry: it ran max_retries + 1 = 3 times, and then it was over

Try next.  Guess first:
  1. Set MAX_KILLS to 2.  Which rows change, and which of the three printed TL-1?
  2. Set max_retries of `print_ticket_retried` to 4, and MAX_KILLS to 9.  How often does TL-1 begin?
  3. Set acks_late of `print_ticket_requeued` to False.  How often does its TL-1 begin?  And why
     does `print_ticket_retried`, which has no acks_late at all, come back?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.kills import kill_whoever_begins
from labkit.lesson.trial import trial
from tasks.advanced_tasks import (
    print_ticket_late,
    print_ticket_requeued,
    print_ticket_retried,
)

ORDERS = ["TL-1", "TL-2"]
JOB_S = 2  # the lesson kills within 0.1 s; on a busy machine it may take longer
MAX_KILLS = 5  # without an end to the killing, one of the three would never stop
MAX_RUNS = 1 + (print_ticket_retried.max_retries or 0)
TASKS = {
    "none": print_ticket_late,  # its message is there until the task has ended
    "reject": print_ticket_requeued,  # @app.task(acks_late=True, reject_on_worker_lost=True)
    "retry": print_ticket_retried,  # @app.task(retry_on_worker_lost=True, max_retries=2, ...)
}


def main() -> None:
    with trial("lesson31", list(TASKS), "--concurrency=1") as setups:
        for one in setups:  # a worker, a queue and a ledger each
            for order in ORDERS:
                one.send(TASKS[one.name], order, JOB_S)
        kills = kill_whoever_begins(setups, "TL-1", MAX_KILLS)
        setups.wait_until_quiet()

    # The tasks write down when they begin.  That tells more than their states: of the kills that
    # `reject` had, no state says anything.
    table(
        *("option", "TL-1 began", "was killed", "its state in the end"),
        rows=[(one.name, one.runs("TL-1"), kills[one.name], one.state("TL-1")) for one in setups],
    )
    setups.show_verdicts()

    # Late acknowledgement alone does not bring the task back.  Where an option does, somebody has
    # to count: max_retries bounds `retry`, and nothing bounds `reject`.
    none, reject, retry = (one.runs("TL-1") for one in setups)
    claim(none == 1, "none: the task was not tried again, though it is acknowledged late")
    claim(
        reject == MAX_KILLS + 1,
        f"reject: it came back after each of {MAX_KILLS} kills, and only the lesson ended that",
    )
    claim(
        retry == MAX_RUNS,
        f"retry: it ran max_retries + 1 = {MAX_RUNS} times, and then it was over",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
