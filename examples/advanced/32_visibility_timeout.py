"""Visibility timeout: see one message run several times although no worker has died.

Redis does not know which worker lives.  A message that was taken and not acknowledged for
visibility_timeout seconds counts as lost, and goes back into its queue.  The clock starts when a
worker takes the message.  A worker takes a message with a countdown at once, and holds it until it
is due.  So a countdown that is longer than visibility_timeout runs more than once: with Celery's
own 3600 s, every countdown of more than an hour.

What counts is the shortest visibility_timeout of any program that uses this Redis database, for
all of them keep their messages in one place.  It need not be a worker: a monitor that asks who is
there, with settings of its own, is enough.

Three workers live in three databases of the lesson's own broker.  Each gets the same: print TL-1 in
8 s.  The first has a visibility_timeout of 3 s.  The second has 20 s, but a monitor with 3 s comes
along.  The third has 20 s, and is left alone.  All look for old messages every second.  Celery's
own interval is about 100 s: so a message comes back later than its timeout says, and a short
countdown may be done before anybody looks.

The task is `print_ticket` in tasks/advanced_tasks/delivery.py.

    ./lab run 32        # about 20 s

Watch: `tail -f .lab/files/ledgers/lesson32*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson32-short@%h ...{"visibility_timeout": 3...
    $ ./start_worker.sh -n lesson32-monitored@%h ...{"visibility_timeout": 20...
    $ ./start_worker.sh -n lesson32-long@%h ...{"visibility_timeout": 20...
    TL-1 is due in 8 s, once for each worker; the monitor looks at the second one
    worker     runs of TL-1  of these redelivered
    short      ...           ...
    monitored  ...           ...
    long       1             0
    verdict                    short  monitored    long
    sent                           1          1       1
    started                        1          1       1
    finished                       1          1       1
    lost                           0          0       0
    started twice or more          1          1       0
    finished twice or more         1          1       0
      short, started twice or more: TL-1 (...)
      short, finished twice or more: TL-1 (...)
      monitored, started twice or more: TL-1 (...)
      monitored, finished twice or more: TL-1 (...)
    true: short: a countdown longer than the visibility timeout ran more than once
    true: monitored: so it did where only another program had the short timeout
    true: long: with a timeout longer than the countdown, for everybody, it ran once

Try next.  Guess first:
  1. Set COUNTDOWN_S to 2.  Which sentence does not come true any more?
  2. Give the monitor looking(LONG_S).  Which column changes?
  3. Set LOOK_S to 30.  The workers hardly look now.  Does the monitor?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.holds import watch_messages
from labkit.lesson.trial import trial
from labkit.own.broker import looking_every_second, own_broker
from tasks.advanced_tasks import print_ticket

COUNTDOWN_S = 8
JOB_S = 1  # long enough to see that one run has not ended when the next one begins
SHORT_S, LONG_S = 3, 20  # shorter and longer than the countdown
LOOK_S = 1  # unacked_restore_interval: so often a worker looks for old messages
ANSWER_S = 0.5  # the monitor listens so long for answers, and then asks again


def looking(visibility_s: int) -> dict[str, int]:
    """broker_transport_options of a program that looks for old messages every LOOK_S seconds."""
    return looking_every_second(visibility_s) | {"unacked_restore_interval": LOOK_S}


# A project has this in its settings, once for all its programs: broker_transport_options = {...}.
WORKERS = {
    "short": [looking(SHORT_S)],
    "monitored": [looking(LONG_S)],
    "long": [looking(LONG_S)],
}


def main() -> None:
    with (
        own_broker("lesson32") as broker,
        trial("lesson32", WORKERS, "--concurrency=3", broker=broker, apart=True) as setups,
    ):
        # Redis keeps in `unacked_index` when each message was taken: the page's picture shows it.
        watch_messages(setups)

        # The countdown stands in the message.  A worker takes the message now and holds it until
        # it is due, and from now on the clock of visibility_timeout runs.
        for one in setups:  # a worker, a queue, a ledger and a database each
            one.send(print_ticket, "TL-1", JOB_S, countdown=COUNTDOWN_S, ignore_result=True)
        print(f"TL-1 is due in {COUNTDOWN_S} s, once for each worker; ", end="")
        print("the monitor looks at the second one")

        # A ping looks harmless.  But whoever waits for messages, be it for answers, also looks for
        # old ones, and takes its own settings to tell what is old.
        with broker.app(setups["monitored"].database, **looking(SHORT_S)) as monitor:

            def asked_and_done() -> bool:
                monitor.control.ping(timeout=ANSWER_S)
                return all(one.ended("TL-1") for one in setups)

            setups.wait_until(asked_and_done, "the end of each TL-1")
        setups.wait_until_quiet()

    # A message that comes again says so: its delivery_info has redelivered=True.
    again = [sum(start.redelivered for start in one.entries("START")) for one in setups]
    runs = [one.runs("TL-1") for one in setups]
    table(
        *("worker", "runs of TL-1", "of these redelivered"),
        rows=zip(WORKERS, runs, again, strict=True),
    )
    setups.show_verdicts()

    # No worker has died, no task has failed, and no setting of the second worker is wrong.
    short, monitored, long = runs
    claim(short > 1, "short: a countdown longer than the visibility timeout ran more than once")
    claim(monitored > 1, "monitored: so it did where only another program had the short timeout")
    claim(long == 1, "long: with a timeout longer than the countdown, for everybody, it ran once")


if __name__ == "__main__":
    run_lesson(main, queues=[])
