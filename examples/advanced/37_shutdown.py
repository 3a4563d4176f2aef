"""Shutdown: stop a worker by TERM, QUIT or Ctrl-C twice, and see what becomes of its tasks.

Each new version of a program stops workers.  The signal decides what becomes of the tasks that run:

- TERM, a warm shutdown: take nothing new, finish what runs, however long that takes.
- QUIT, a cold shutdown: stop what runs.
- INT, which is Ctrl-C: the first one is warm, the second one is cold.
- TERM to each process of the worker, as systemd sends it unless told otherwise: the processes of
  the pool end at once, and their tasks with them.

A late-acknowledged task that is stopped goes back into the queue.  An early one has no message any
more, so it is gone.  worker_soft_shutdown_timeout puts a wait before a cold shutdown: what ends in
that time is finished.  It does nothing for TERM.  A task whose process has ended has failed, late
acknowledgement or not (lesson 31).

Six workers are stopped, two of them with a soft shutdown of 5 s, and TERM-all by a TERM to each of
its processes.  Each runs four jobs when the signal comes: 3 s and 8 s long, early and late.  When
all six have ended, one new worker takes what is left in their queues.

The tasks are `print_ticket` and `print_ticket_late` in tasks/advanced_tasks/delivery.py.

    ./lab run 37        # about 30 s

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson37*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson37-TERM@%h --queues=lesson37.TERM --concurrency=4
    $ ./start_worker.sh -n lesson37-TERM-soft@%h ... -- worker.soft_shutdown_timeout=5
    $ ./start_worker.sh -n lesson37-TERM-all@%h --queues=lesson37.TERM-all --concurrency=4
    $ ./start_worker.sh -n lesson37-QUIT@%h --queues=lesson37.QUIT --concurrency=4
    $ ./start_worker.sh -n lesson37-QUIT-soft@%h ... -- worker.soft_shutdown_timeout=5
    $ ./start_worker.sh -n lesson37-INT-INT@%h --queues=lesson37.INT-INT --concurrency=4
    true: all four jobs of a worker ran when its signal came
    signal        early 3 s  early 8 s  late 3 s   late 8 s   ended after
    TERM          finished   finished   finished   finished   ... s
    TERM-soft     finished   finished   finished   finished   ... s
    TERM-all      lost       lost       lost       lost       ... s
    QUIT          lost       lost       requeued   requeued   ... s
    QUIT-soft     finished   lost       finished   requeued   ... s
    INT-INT       lost       lost       requeued   requeued   ... s
    true: TERM waited for every job, and the soft shutdown changed nothing
    true: TERM to each process of the worker lost every job, late ones too
    true: QUIT, and INT twice, put late jobs back into the queue, and lost the early ones
    true: a soft shutdown of 5 s let the jobs of 3 s finish; those of 8 s had the same fate
    $ ./start_worker.sh -n lesson37-new@%h --queues=... --concurrency=6
    job       its state then  in the end
    finished  SUCCESS         SUCCESS
    requeued  STARTED         SUCCESS
    lost      RETRY           RETRY
    TERM-all  FAILURE         FAILURE
    verdict                 TERM  TERM-soft  TERM-all  QUIT  QUIT-soft  INT-INT
    sent                       4          4         4     4          4        4
    started                    4          4         4     4          4        4
    finished                   4          4         0     2          3        2
    lost                       0          0         4     2          1        2
    started twice or more      0          0         0     2          1        2
    finished twice or more     0          0         0     0          0        0
    true: the new worker did every job that was requeued, from its beginning
    true: a job lost by QUIT or INT says RETRY for ever, though no message is left to try again

Try next.  Guess first:
  1. Add `| {"REMAP_SIGTERM": "SIGQUIT"}` to broker.environment() in worker_line().  Which two rows
     change?
  2. Set SOFT_S to 12.  When does QUIT-soft end now, and what is lost?
  3. Give INT-INT only one INT.  Which row does it become like?
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial

import redis
from celery import Celery

from labkit.broker.queues import unacked_by_queue
from labkit.broker.quiet import jobs_in_messages, wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.lesson.verdict import show_verdicts, verdict_now
from labkit.own.broker import OwnBroker, own_broker
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.own.workers import Worker, WorkerLine, own_worker, wait_for_ends, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import print_ticket, print_ticket_late
from work.ledger import Ledger

SHORT_S, SOFT_S, LONG_S = 3, 5, 8  # the soft shutdown is long enough for one job only
TIMEOUT_S = 60  # a run takes 30 s; the rest is room for a busy machine
TERM, QUIT, INT = signal.SIGTERM, signal.SIGQUIT, signal.SIGINT
SOFT = [f"worker.soft_shutdown_timeout={SOFT_S}"]
# The worker's name -> the signals that it gets, and its settings.
WORKERS: dict[str, tuple[list[int], list[str]]] = {
    "TERM": ([TERM], []),
    "TERM-soft": ([TERM], SOFT),
    "TERM-all": ([TERM], []),  # to each of its processes
    "QUIT": ([QUIT], []),
    "QUIT-soft": ([QUIT], SOFT),
    "INT-INT": ([INT, INT], []),
}
QUEUES = {name: f"lesson37.{name}" for name in WORKERS}
JOBS = {
    f"early {SHORT_S} s": (print_ticket, SHORT_S),
    f"early {LONG_S} s": (print_ticket, LONG_S),
    f"late {SHORT_S} s": (print_ticket_late, SHORT_S),
    f"late {LONG_S} s": (print_ticket_late, LONG_S),
}
FIRST_INT = "Hitting Ctrl+C again"  # what a worker says when it has got the first one
Jobs = dict[str, str]  # job -> its task id, or what has become of it
ALL_DONE = ["finished"] * 4
COLD = ["lost", "lost", "requeued", "requeued"]
SOFT_AND_COLD = ["finished", "lost", "finished", "requeued"]


def main() -> None:
    with (
        own_ledgers("lesson37", *WORKERS) as found,
        own_broker("lesson37") as broker,
        broker.client() as client,
        broker.app() as shop,
    ):
        ledgers = dict(zip(WORKERS, found, strict=True))
        ids, sent_at = {}, {}
        with workers_of([worker_line(broker, name) for name in WORKERS]) as workers:
            for name, worker in zip(WORKERS, workers, strict=True):
                ids[name] = send_jobs(shop, QUEUES[name], ledgers[name])
                four_run = partial(all_run, client, QUEUES[name], ledgers[name])
                wait_for_lines(found, four_run, TIMEOUT_S, f"the start of four jobs on {name}")
                sent_at[name] = time.time()
                send_signals(worker, name)
            ended_at = wait_for_ends(workers, TIMEOUT_S)
        claim(
            all(in_time(ledgers[name], sent_at[name]) for name in WORKERS),
            "all four jobs of a worker ran when its signal came",
        )
        fates = {name: fates_of(client, QUEUES[name], ledgers[name], ids[name]) for name in WORKERS}
        took_s = [end - sent_at[name] for name, end in zip(WORKERS, ended_at, strict=True)]
        show(fates, took_s)
        states_then = states_by_fate(shop, fates, ids)
        queues, where = list(QUEUES.values()), broker.environment()
        with own_worker("lesson37-new", queues, "--concurrency=6", environment=where):
            wait_until_quiet([client], queues, TIMEOUT_S)
        states_now = states_by_fate(shop, fates, ids)
        verdicts = {
            name: verdict_now(client, [QUEUES[name]], ids[name], ledgers[name]) for name in WORKERS
        }
    print("job       its state then  in the end")
    for fate in ("finished", "requeued", "lost", "TERM-all"):
        print(f"{fate:<10}{states_then.get(fate, ''):<16}{states_now.get(fate, '')}")
    show_verdicts(verdicts, names=False)
    claim(
        all(
            {job for job, fate in fates[name].items() if fate == "requeued"}
            == set(one.started_twice) & set(one.finished)
            for name, one in verdicts.items()
        ),
        "the new worker did every job that was requeued, from its beginning",
    )
    claim(
        states_now.get("lost") == "RETRY",
        "a job lost by QUIT or INT says RETRY for ever, though no message is left to try again",
    )


def worker_line(broker: OwnBroker, name: str) -> WorkerLine:
    options = [f"--concurrency={len(JOBS)}"]
    where = broker.environment()
    return WorkerLine(f"lesson37-{name}", [QUEUES[name]], options, WORKERS[name][1], where)


def send_jobs(shop: Celery, queue: str, ledger: Ledger) -> dict[str, str]:
    """Send the four jobs to one worker's queue; {job: task id}."""
    return {
        job: shop.send_task(task.name, (ledger.run, job, seconds), queue=queue).id
        for job, (task, seconds) in JOBS.items()
    }


def all_run(client: redis.Redis, queue: str, ledger: Ledger) -> bool:
    """True when all four have begun, and the early ones are acknowledged."""
    unacked = unacked_by_queue(client) or {}
    late_jobs = len(JOBS) // 2
    return unacked.get(queue) == late_jobs and all(ledger.find("START", job) for job in JOBS)


def send_signals(worker: Worker, name: str) -> None:
    """Send one signal, and the next one when the worker has said that it got the first."""
    first, *more = WORKERS[name][0]
    if name == "TERM-all":
        os.killpg(worker.process.pid, first)  # the worker's process group: its pool is in it
    else:
        worker.process.send_signal(first)
    for number in more:
        wait_until(lambda: FIRST_INT in worker.log.read_text(errors="replace"), TIMEOUT_S)
        worker.process.send_signal(number)


def in_time(ledger: Ledger, signal_at: float) -> bool:
    """True if all four jobs had begun, and none had ended, when the signal was sent."""
    before = [entry.event for entry in ledger.entries() if entry.time < signal_at]
    return before == ["START"] * len(JOBS)


def fates_of(client: redis.Redis, queue: str, ledger: Ledger, ids: Jobs) -> Jobs:
    """{job: finished (it wrote its END), requeued (its message is there still), or lost}."""
    left = jobs_in_messages(client, [queue], ids)
    fates = {job: "requeued" if job in left else "lost" for job in ids}
    return fates | {entry.job: "finished" for entry in ledger.entries() if entry.event == "END"}


def show(fates: Mapping[str, Mapping[str, str]], took_s: Sequence[float]) -> None:
    print(f"{'signal':<14}{''.join(f'{job:<11}' for job in JOBS)}ended after")
    for (name, by_job), seconds in zip(fates.items(), took_s, strict=True):
        cells = "".join(f"{fate:<11}" for fate in by_job.values())
        print(f"{name:<14}{cells}{seconds:.1f} s")
    rows = {name: list(by_job.values()) for name, by_job in fates.items()}
    claim(
        rows["TERM"] == rows["TERM-soft"] == ALL_DONE,
        "TERM waited for every job, and the soft shutdown changed nothing",
    )
    all_lost = rows["TERM-all"] == ["lost"] * len(JOBS)
    claim(all_lost, "TERM to each process of the worker lost every job, late ones too")
    claim(
        rows["QUIT"] == rows["INT-INT"] == COLD,
        "QUIT, and INT twice, put late jobs back into the queue, and lost the early ones",
    )
    claim(
        rows["QUIT-soft"] == SOFT_AND_COLD,
        f"a soft shutdown of {SOFT_S} s let the jobs of {SHORT_S} s finish; "
        f"those of {LONG_S} s had the same fate",
    )


def states_by_fate(
    shop: Celery, fates: Mapping[str, Mapping[str, str]], ids: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """{fate: the states of the tasks that had it, joined by /}; TERM-all has a row of its own."""
    states: dict[str, set[str]] = {}
    for name, by_job in fates.items():
        for job, fate in by_job.items():
            row = name if (name, fate) == ("TERM-all", "lost") else fate
            states.setdefault(row, set()).add(shop.AsyncResult(ids[name][job]).state)
    return {fate: "/".join(sorted(found)) for fate, found in states.items()}


if __name__ == "__main__":
    run_lesson(main, queues=[])
