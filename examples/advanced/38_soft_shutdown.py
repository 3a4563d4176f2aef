"""Soft shutdown: give tasks some seconds to end, and see which states lie after a stop.

worker_soft_shutdown_timeout puts a wait before a cold shutdown: what ends in that time is finished.
It does nothing for TERM, which waits without a limit (lesson 37).

TERM to each process of the worker is another case.  systemd sends it so unless told otherwise.  The
processes of the pool end at once, and their tasks with them.  A task whose process has ended has
failed, late acknowledgement or not (lesson 31).

Three workers are stopped: two of them have a soft shutdown of 5 s, and one gets TERM to each of its
processes.  Each runs four jobs when the signal comes: 3 s and 8 s long, early and late.  When all
three have ended, one new worker takes what is left in their queues.

The tasks are `print_ticket` and `print_ticket_late` in tasks/advanced_tasks/delivery.py.

    ./lab run 38        # about 30 s

Watch: `tail -f .lab/files/ledgers/lesson38*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson38-TERM@%h ... -- worker.soft_shutdown_timeout=5
    $ ./start_worker.sh -n lesson38-QUIT@%h ... -- worker.soft_shutdown_timeout=5
    $ ./start_worker.sh -n lesson38-TERM-all@%h --queues=lesson38.TERM-all --concurrency=4
    true: all four jobs of a worker ran when its signal came
    signal    early 3 s  early 8 s  late 3 s  late 8 s  ended after
    TERM      finished   finished   finished  finished  ... s
    QUIT      finished   lost       finished  requeued  ... s
    TERM-all  lost       lost       lost      lost      ... s
    $ ./start_worker.sh -n lesson38-new@%h --queues=... --concurrency=4
    signal    job        its state then            in the end
    QUIT      early 8 s  RETRY                     RETRY
    QUIT      late 8 s   STARTED                   SUCCESS
    TERM-all  late 8 s   FAILURE  WorkerLostError  FAILURE  WorkerLostError
    true: the job that says RETRY is lost: no message is left to try again

Try next.  Guess first:
  1. Set SOFT_S to 12.  When does QUIT end now, and what is lost?
  2. Set SHORT_S to 7.  What is left of the 5 s?
  3. Give QUIT the signals [SIGINT, SIGINT].  Does the soft shutdown count for Ctrl-C twice, too?
"""

from signal import SIGQUIT, SIGTERM

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.kills import signal_group, signal_worker
from labkit.lesson.trial import trial
from labkit.own.broker import own_broker
from labkit.own.workers import own_worker
from tasks.advanced_tasks import print_ticket, print_ticket_late

SHORT_S, SOFT_S, LONG_S = 3, 5, 8  # the soft shutdown is long enough for one job only
SOFT = [f"worker.soft_shutdown_timeout={SOFT_S}"]
SETTINGS = {"TERM": SOFT, "QUIT": SOFT, "TERM-all": []}
SIGNALS = {"TERM": [SIGTERM], "QUIT": [SIGQUIT]}  # TERM-all: to each process
EARLY, LATE = f"early {LONG_S} s", f"late {LONG_S} s"
JOBS = {
    f"early {SHORT_S} s": (print_ticket, SHORT_S),
    EARLY: (print_ticket, LONG_S),
    f"late {SHORT_S} s": (print_ticket_late, SHORT_S),
    LATE: (print_ticket_late, LONG_S),
}
STOPPED = [("QUIT", EARLY), ("QUIT", LATE), ("TERM-all", LATE)]  # their states are looked at
SLOTS = "--concurrency=4"


def main() -> None:
    with (
        own_broker("lesson38") as broker,
        trial("lesson38", SETTINGS, SLOTS, broker=broker) as setups,
    ):
        sent_at = {}
        for one in setups:
            for job, (task, seconds) in JOBS.items():
                one.send(task, job, seconds)
            setups.wait_until_all_run(one, unacked=2)  # the early ones have no message any more
            signals = SIGNALS.get(one.name)
            sent_at[one.name] = signal_worker(one, *signals) if signals else signal_group(one)
        # TERM has no end but that of the longest job.  QUIT with a soft shutdown has one: SOFT_S.
        ended_at = setups.wait_for_ends()
        claim(
            all(len(one.running_at(sent_at[one.name])) == len(JOBS) for one in setups),
            "all four jobs of a worker ran when its signal came",
        )

        # The pool of TERM-all ended before anybody could give a message back.
        fates = {one.name: {job: one.fate_at_stop(job) for job in JOBS} for one in setups}
        table(
            *("signal", *JOBS, "ended after"),
            rows=[
                (name, *fates[name].values(), f"{ended_at[name] - sent_at[name]:.1f} s")
                for name in SETTINGS
            ],
        )

        # A state is what somebody reported.  A worker that stops coldly reports RETRY for the task
        # that it stops, and the process that has ended reports nothing: its worker does.
        then = {(name, job): setups[name].state(job) for name, job in STOPPED}
        with own_worker("lesson38-new", setups.queues, SLOTS, environment=broker.environment()):
            setups.wait_until_quiet()

    table(
        *("signal", "job", "its state then", "in the end"),
        rows=[(name, job, then[name, job], setups[name].state(job)) for name, job in STOPPED],
    )
    claim(
        EARLY in setups["QUIT"].verdict().lost,
        "the job that says RETRY is lost: no message is left to try again",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
