"""Prefetch: see a worker keep messages that another one could do, and set how many it takes ahead.

A worker takes messages before it has a free slot, so that it need not wait for the next one: 4 for
each slot, if you set nothing.  That is good for short tasks.  But what a worker has taken, no other
worker can do.  If a long task is in front, the messages behind it wait, and a worker that you start
to help does not get them.

Four workers with four settings get the same: one long job, and eight short ones behind it.  While
all four are busy with the long job, a new worker comes and takes what is left in the four queues.

Tasks with a countdown are another case.  A worker takes each of them at once, and holds it until it
is due; they do not count as taken ahead.  Three more workers get eight tasks that are due in 6 s,
and then one without a countdown.  worker_eta_task_limit sets how many a worker may hold, and it has
a trap: a worker that holds so many takes nothing else, although it has nothing to do.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 34        # about 13 s

Watch: http://localhost:5555/tasks shows as RECEIVED what a worker has taken and not begun.

You should see:

    $ ./start_worker.sh -n lesson34-four@%h --queues=lesson34.four ... --prefetch-multiplier=4
    $ ./start_worker.sh -n lesson34-one@%h --queues=lesson34.one ... --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson34-late@%h ... --prefetch-multiplier=1 -- task.acks_late=True
    $ ./start_worker.sh -n lesson34-none@%h --queues=lesson34.none ... --disable-prefetch
    $ ./start_worker.sh -n lesson34-due@%h --queues=lesson34.due ... --prefetch-multiplier=1
    $ ./start_worker.sh -n lesson34-due-none@%h ... --disable-prefetch
    $ ./start_worker.sh -n lesson34-due-limit@%h ... -- worker.eta_task_limit=3
    four workers have a long job each; a new worker comes
    $ ./start_worker.sh -n lesson34-new@%h ...
    one long job, eight short ones            taken ahead  done by the new worker
    4 messages ahead: Celery's default        4            4
    1 message ahead                           1            7
    1 message ahead and late acknowledgement  0            8
    no message ahead: --disable-prefetch      0            8
    true: what was taken ahead waited for the end of the long job, beside an idle worker
    eight tasks due in 6 s, then one without  taken  still queued  began before it
    1 message ahead                           8      0             0
    no message ahead: --disable-prefetch      8      0             0
    1 message ahead, worker_eta_task_limit=3  3      6             ...
    true: no setting for messages ahead counts tasks that wait for their time
    true: the limit does, and the worker began nothing else before the tasks that it held

Try next.  Guess first:
  1. Give the worker `four` the option --prefetch-multiplier=2.  How many of the eight does the new
     worker do now?
  2. Give `none` the option of `four` as well.  Which of the two wins?
  3. Let the new worker take from the queue of `due-limit`, too.  When does the task without a
     countdown begin now?
"""

from labkit.broker.queues import lengths, unacked_by_queue
from labkit.broker.quiet import wait_until_settled
from labkit.lesson import claim, run_lesson
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, own_worker, workers_of
from tasks.advanced_tasks import get_approval, refund_seats, report_sales
from work.ledger import Ledger

SLOT = "--concurrency=1"
# The worker's name -> its options, its settings, and what they mean.
LONG = {
    "four": ([SLOT, "--prefetch-multiplier=4"], [], "4 messages ahead: Celery's default"),
    "one": ([SLOT, "--prefetch-multiplier=1"], [], "1 message ahead"),
    "late": (
        [SLOT, "--prefetch-multiplier=1"],
        ["task.acks_late=True"],
        "1 message ahead and late acknowledgement",
    ),
    "none": ([SLOT, "--disable-prefetch"], [], "no message ahead: --disable-prefetch"),
}
LIMIT = 3  # tasks with a countdown
DUE = {
    "due": ([SLOT, "--prefetch-multiplier=1"], [], "1 message ahead"),
    "due-none": ([SLOT, "--disable-prefetch"], [], "no message ahead: --disable-prefetch"),
    "due-limit": (
        [SLOT, "--prefetch-multiplier=1"],
        [f"worker.eta_task_limit={LIMIT}"],
        f"1 message ahead, worker_eta_task_limit={LIMIT}",
    ),
}
SHORT_JOBS = [f"SHORT-{number}" for number in range(1, 9)]
DUE_JOBS = [f"DUE-{number}" for number in range(1, 9)]
JOBS = 9  # for each worker
DUE_S = 6  # longer than workers need to take what they take
TIMEOUT_S = 40  # nothing here takes 10 s; the rest is room for a busy machine


def main() -> None:
    settings = LONG | DUE
    queues = {name: f"lesson34.{name}" for name in settings}
    lines = [
        WorkerLine(f"lesson34-{name}", [queues[name]], options, for_worker)
        for name, (options, for_worker, _) in settings.items()
    ]
    with (
        own_ledgers("lesson34", *settings) as found,
        own_queues(*queues.values()) as client,
        workers_of(lines),
    ):
        ledgers = dict(zip(settings, found, strict=True))
        for name in LONG:
            send_long_and_short(ledgers[name].run, queues[name])
        for name in DUE:
            send_due_and_now(ledgers[name].run, queues[name])
        long_ledgers = [ledgers[name] for name in LONG]
        wait_for_lines(
            found,
            lambda: all(one.find("START", "LONG-1") for one in long_ledgers),
            TIMEOUT_S,
            "the start of the long jobs",
        )
        wait_until_settled(client, list(queues.values()), TIMEOUT_S)
        in_redis = lengths(client, queues.values())
        left = {name: sum(in_redis[queue].values()) for name, queue in queues.items()}
        held = unacked_by_queue(client) or {}
        print("four workers have a long job each; a new worker comes")
        with own_worker("lesson34-new", [queues[name] for name in LONG], SLOT) as new:
            left_over = sum(left[name] for name in LONG)
            wait_for_lines(
                found,
                lambda: sum(len(done(one)) for one in long_ledgers) == left_over,
                TIMEOUT_S,
                "the end of what the new worker took",
            )
            for one in long_ledgers:
                one.note("APPROVED", "LONG-1")
            wait_for_lines(
                found,
                lambda: all(len(done(one)) == JOBS for one in found),
                TIMEOUT_S,
                "the end of all jobs",
            )
        show_long(ledgers, new)
        taken = {name: held.get(queues[name], 0) for name in DUE}
        show_due(ledgers, taken, left)


def send_long_and_short(run: str, queue: str) -> None:
    # The long job ends when the lesson approves it.
    get_approval.apply_async((run, "LONG-1"), queue=queue)
    for job in SHORT_JOBS:
        report_sales.apply_async((run, job), queue=queue)


def send_due_and_now(run: str, queue: str) -> None:
    for job in DUE_JOBS:
        report_sales.apply_async((run, job), queue=queue, countdown=DUE_S)
    refund_seats.apply_async((run, "NOW-1"), queue=queue)


def show_long(ledgers: dict[str, Ledger], new: Worker) -> None:
    """Print who did the short jobs; claim that those taken ahead waited for the long one."""
    print(f"{'one long job, eight short ones':<42}taken ahead  done by the new worker")
    waited = True
    taken_ahead = {}
    for name, (_, _, meaning) in LONG.items():
        ends = {entry.job: entry for entry in ledgers[name].entries() if entry.event == "END"}
        mine = [job for job in SHORT_JOBS if ends[job].group != new.process.pid]
        taken_ahead[name] = len(mine)
        print(f"{meaning:<42}{len(mine):<13}{len(SHORT_JOBS) - len(mine)}")
        waited &= all(ends[job].time > ends["LONG-1"].time for job in mine)
    claim(
        waited and taken_ahead == {"four": 4, "one": 1, "late": 0, "none": 0},
        "what was taken ahead waited for the end of the long job, beside an idle worker",
    )


def show_due(ledgers: dict[str, Ledger], taken: dict[str, int], left: dict[str, int]) -> None:
    """Print how many tasks with a countdown each worker took, and what that did to another one."""
    print(f"{f'eight tasks due in {DUE_S} s, then one without':<42}", end="")
    print("taken  still queued  began before it")
    before = {}
    for name, (_, _, meaning) in DUE.items():
        begun = [entry.job for entry in ledgers[name].entries() if entry.event == "START"]
        before[name] = begun.index("NOW-1")
        print(f"{meaning:<42}{taken[name]:<7}{left[name]:<14}{before[name]}")
    claim(
        taken["due"] == taken["due-none"] == len(DUE_JOBS),
        "no setting for messages ahead counts tasks that wait for their time",
    )
    claim(
        taken["due-limit"] == LIMIT <= before["due-limit"] and not before["due"],
        "the limit does, and the worker began nothing else before the tasks that it held",
    )


def done(ledger: Ledger) -> list[str]:
    """The jobs that were worked on, in that order."""
    return [entry.job for entry in ledger.entries() if entry.event == "END"]


if __name__ == "__main__":
    run_lesson(main, queues=[])
