"""Shutdown: stop a worker by TERM, QUIT or Ctrl-C twice, and see what becomes of its tasks.

Each new version of a program stops workers.  The signal decides what becomes of the tasks that run:

- TERM, a warm shutdown: take nothing new, finish what runs, however long that takes.
- QUIT, a cold shutdown: stop what runs.
- INT, which is Ctrl-C: the first one is warm, the second one is cold.

A late-acknowledged task that is stopped goes back into the queue.  An early one has no message any
more, so it is gone.

Three workers are stopped.  Each runs two jobs of 5 s when the signal comes, one early and one late.
When all three have ended, one new worker takes what is left in their queues.

The tasks are `print_ticket` and `print_ticket_late` in tasks/advanced_tasks/delivery.py.

    ./lab run 37        # about 20 s

Watch: `tail -f .lab/files/ledgers/lesson37*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson37-TERM@%h --queues=lesson37.TERM --concurrency=2
    $ ./start_worker.sh -n lesson37-QUIT@%h --queues=lesson37.QUIT --concurrency=2
    $ ./start_worker.sh -n lesson37-INT-INT@%h --queues=lesson37.INT-INT --concurrency=2
    true: both jobs of a worker ran when its signal came
    signal   early     late      ended after
    TERM     finished  finished  ... s
    QUIT     lost      requeued  ... s
    INT-INT  lost      requeued  ... s
    $ ./start_worker.sh -n lesson37-new@%h --queues=... --concurrency=2
    verdict                     TERM    QUIT  INT-INT
    sent                           2       2        2
    started                        2       2        2
    finished                       2       1        1
    lost                           0       1        1
    started twice or more          0       1        1
    finished twice or more         0       0        0
    true: late: each job was done in the end
    true: early: only the worker that was stopped by TERM finished its job

Try next.  Guess first:
  1. Give trial() one more argument: environment={"REMAP_SIGTERM": "SIGQUIT"}.  Which row changes?
  2. Give INT-INT only one INT.  Which row does it become like?
  3. Set JOB_S to 20.  Which of the three workers takes longer to end now?
"""

from signal import SIGINT, SIGQUIT, SIGTERM

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.kills import signal_worker
from labkit.lesson.trial import trial
from labkit.own.broker import own_broker
from labkit.own.workers import own_worker
from tasks.advanced_tasks import print_ticket, print_ticket_late

SIGNALS = {"TERM": [SIGTERM], "QUIT": [SIGQUIT], "INT-INT": [SIGINT, SIGINT]}
TASKS = {"early": print_ticket, "late": print_ticket_late}  # the second has acks_late=True
JOB_S = 5  # long enough for the signal to come in the middle
SLOTS = "--concurrency=2"


def main() -> None:
    with (
        own_broker("lesson37") as broker,
        trial("lesson37", list(SIGNALS), SLOTS, broker=broker) as setups,
    ):
        sent_at = {}
        for one in setups:
            for job, task in TASKS.items():
                one.send(task, job, JOB_S)
            setups.wait_until_all_run(one, unacked=1)  # the early one has no message any more
            sent_at[one.name] = signal_worker(one, *SIGNALS[one.name])
        ended_at = setups.wait_for_ends()
        claim(
            all(len(one.running_at(sent_at[one.name])) == len(TASKS) for one in setups),
            "both jobs of a worker ran when its signal came",
        )

        # A worker that stops coldly still gives back what it has not acknowledged.  It can do so
        # because it was asked; kill -9 asks nobody (lesson 30).
        took_s = {name: moment - sent_at[name] for name, moment in ended_at.items()}
        fates = {one.name: [one.fate_at_stop(job) for job in TASKS] for one in setups}
        table(
            *("signal", *TASKS, "ended after"),
            rows=[(name, *fates[name], f"{took_s[name]:.1f} s") for name in SIGNALS],
        )
        with own_worker("lesson37-new", setups.queues, SLOTS, environment=broker.environment()):
            setups.wait_until_quiet()

    # What went back into a queue has begun twice.  So a task that may be stopped must be one that
    # may run twice (lesson 33).
    setups.show_verdicts(names=False)
    claim(all(one.ended("late") for one in setups), "late: each job was done in the end")
    claim(
        [one.name for one in setups if one.ended("early")] == ["TERM"],
        "early: only the worker that was stopped by TERM finished its job",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
