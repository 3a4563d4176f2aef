"""A lost pool process: kill only the process that runs a task, and choose what comes then.

When a task takes too much memory, the system kills its process, and only that one.  The worker
lives, and notices it within 5 s.  What it does then is a setting:

- none: the task has failed with WorkerLostError, and does not run again.  Late acknowledgement
  alone changes nothing about that.
- task_reject_on_worker_lost: the message goes back into the queue.  Nothing counts how often: a
  task that is the reason for the death of its process comes back for ever.
- task_retry_on_worker_lost: the task is retried, max_retries times at most.  The wait before each
  retry is default_retry_delay, which is 180 s unless you set it.

Three workers have these settings.  Each gets two tickets.  Whenever a process begins with TL-1, the
lesson kills it, as the system would.  With TL-2 nothing is wrong.  The lesson stops killing after 5
times, because one of the three would never stop.

The task is `print_ticket` in tasks/advanced_tasks/delivery.py; it has max_retries=2 and
default_retry_delay=1.

    ./lab run 31        # about 25 s

Watch: http://localhost:5555/tasks shows four successes and two failures; one of them says
that it was retried.  Nothing tells of the kills that `reject` had.

You should see:

    $ ./start_worker.sh -n lesson31-none@%h --queues=lesson31.none ... task.acks_late=True
    $ ./start_worker.sh -n lesson31-reject@%h ... task.reject_on_worker_lost=True
    $ ./start_worker.sh -n lesson31-retry@%h ... task.retry_on_worker_lost=True
    setting  TL-1 began  was killed  its state in the end
    none     1           1           FAILURE  WorkerLostError
    reject   6           5           SUCCESS
    retry    3           3           FAILURE  WorkerLostError
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
  2. Set max_retries of `print_ticket` to 4, and MAX_KILLS to 9.  How often does TL-1 begin?
  3. Set ALL to "task.acks_late=False".  Which of the three settings stops working?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.kills import kill_whoever_begins
from labkit.lesson.trial import trial
from tasks.advanced_tasks import print_ticket

ORDERS = ["TL-1", "TL-2"]
JOB_S = 2  # the lesson kills within 0.1 s; on a busy machine it may take longer
MAX_KILLS = 5  # without an end to the killing, one of the three would never stop
MAX_RUNS = 1 + (print_ticket.max_retries or 0)
ALL = "task.acks_late=True"  # the message is there until the task has ended
# In a project of your own a task has them: @app.task(acks_late=True, reject_on_worker_lost=True).
SETTINGS = {
    "none": [],
    "reject": ["task.reject_on_worker_lost=True"],
    "retry": ["task.retry_on_worker_lost=True"],
}


def main() -> None:
    with trial("lesson31", SETTINGS, "--concurrency=1", ALL) as setups:
        for one in setups:  # a worker, a queue and a ledger each
            for order in ORDERS:
                one.send(print_ticket, order, JOB_S)
        kills = kill_whoever_begins(setups, "TL-1", MAX_KILLS)
        setups.wait_until_quiet()

    # The tasks write down when they begin.  That tells more than their states: of the kills that
    # `reject` had, no state says anything.
    table(
        *("setting", "TL-1 began", "was killed", "its state in the end"),
        rows=[(one.name, one.runs("TL-1"), kills[one.name], one.state("TL-1")) for one in setups],
    )
    setups.show_verdicts()

    # Late acknowledgement alone does not bring the task back.  Where a setting does, somebody has
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
