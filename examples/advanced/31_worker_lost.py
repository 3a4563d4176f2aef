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
    true: TL-2, which came after it, was done by all three

Try next.  Guess first:
  1. Set MAX_KILLS to 2.  Which rows change, and which of the three printed TL-1?
  2. Set max_retries of `print_ticket` to 4, and MAX_KILLS to 9.  How often does TL-1 begin?
  3. Set ALL to "task.acks_late=False".  Which of the three settings stops working?
"""

from contextlib import suppress

import psutil
from celery.result import AsyncResult

from labkit.broker.quiet import wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.lesson.verdict import show_verdicts, verdict_now
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import print_ticket
from work.ledger import Ledger

JOB_S = 2  # the lesson kills within 0.1 s; on a busy machine it may take longer
MAX_KILLS = 5
MAX_RUNS = 1 + (print_ticket.max_retries or 0)
TIMEOUT_S = 90  # each death is noticed within 5 s; the rest is room for a busy machine
ORDERS = ["TL-1", "TL-2"]
ALL = "task.acks_late=True"  # the message is there until the task has ended
SETTINGS = {
    "none": [ALL],
    "reject": [ALL, "task.reject_on_worker_lost=True"],
    "retry": [ALL, "task.retry_on_worker_lost=True"],
}


def main() -> None:
    queues = {name: f"lesson31.{name}" for name in SETTINGS}
    lines = [
        WorkerLine(f"lesson31-{name}", [queues[name]], ["--concurrency=1"], settings)
        for name, settings in SETTINGS.items()
    ]
    with (
        own_ledgers("lesson31", *SETTINGS) as found,
        own_queues(*queues.values()) as client,
        workers_of(lines),
    ):
        ledgers = dict(zip(SETTINGS, found, strict=True))
        results = {
            name: [
                print_ticket.apply_async((ledgers[name].run, order, JOB_S), queue=queue)
                for order in ORDERS
            ]
            for name, queue in queues.items()
        }
        kills = kill_until_all_ended(results, ledgers)
        wait_until_quiet([client], list(queues.values()), TIMEOUT_S)
        ids = {
            name: dict(zip(ORDERS, (result.id for result in pair), strict=True))
            for name, pair in results.items()
        }
        verdicts = {
            name: verdict_now(client, [queues[name]], ids[name], ledgers[name]) for name in SETTINGS
        }
    states = {name: state_of(first) for name, (first, _) in results.items()}
    runs = {name: verdict.runs["TL-1"] for name, verdict in verdicts.items()}
    print("setting  TL-1 began  was killed  its state in the end")
    for name in SETTINGS:
        print(f"{name:<9}{runs[name]:<12}{kills[name]:<12}{states[name]}")
    show_verdicts(verdicts)
    lost = "FAILURE  WorkerLostError"
    claim(
        (runs["none"], states["none"]) == (1, lost),
        "none: the task was not tried again, though it is acknowledged late",
    )
    claim(
        (runs["reject"], states["reject"]) == (MAX_KILLS + 1, "SUCCESS"),
        f"reject: it came back after each of {MAX_KILLS} kills, and only the lesson ended that",
    )
    claim(
        (runs["retry"], states["retry"]) == (MAX_RUNS, lost),
        f"retry: it ran max_retries + 1 = {MAX_RUNS} times, and then it was over",
    )
    claim(
        all("TL-2" in verdict.finished for verdict in verdicts.values()),
        "TL-2, which came after it, was done by all three",
    )


def kill_until_all_ended(
    results: dict[str, list[AsyncResult]], ledgers: dict[str, Ledger]
) -> dict[str, int]:
    """Kill each process that begins with TL-1, MAX_KILLS times; {setting: kills}."""
    killed: dict[str, set[int]] = {name: set() for name in results}

    def look() -> bool:
        for name, ledger in ledgers.items():
            for entry in ledger.entries():
                began = (entry.event, entry.job) == ("START", "TL-1")
                if began and entry.pid not in killed[name] and len(killed[name]) < MAX_KILLS:
                    with suppress(psutil.NoSuchProcess):
                        psutil.Process(entry.pid).kill()
                        killed[name].add(entry.pid)
        return all(result.ready() for pair in results.values() for result in pair)

    wait_until(look, TIMEOUT_S)
    return {name: len(pids) for name, pids in killed.items()}


def state_of(result: AsyncResult) -> str:
    """A final state, and the error if there is one."""
    return f"{result.state}  {type(result.result).__name__}" if result.failed() else result.state


if __name__ == "__main__":
    run_lesson(main, queues=[])
