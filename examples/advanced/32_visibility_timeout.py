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

Watch: while it runs, what the tasks write: tail -f .lab/files/ledgers/lesson32*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson32-short@%h --queues=lesson32 ...{"visibility_timeout": 3...
    $ ./start_worker.sh -n lesson32-monitored@%h --queues=lesson32 ...{"visibility_timeout": 20...
    $ ./start_worker.sh -n lesson32-long@%h --queues=lesson32 ...{"visibility_timeout": 20...
    TL-1 is due in 8 s, once for each worker; the monitor looks at the second one
      short      runs: ..., of these redelivered: ...
      monitored  runs: ..., of these redelivered: ...
      long       runs: 1, of these redelivered: 0
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

from labkit.broker.quiet import wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.lesson.verdict import show_verdicts, verdict_now
from labkit.own.broker import OwnBroker, looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.own.workers import WorkerLine, workers_of
from tasks.advanced_tasks import print_ticket

QUEUE = "lesson32"
COUNTDOWN_S = 8
SHORT_S, LONG_S = 3, 20  # shorter and longer than the countdown
LOOK_S = 1  # unacked_restore_interval: so often a worker looks for old messages
ANSWER_S = 0.5  # the monitor listens so long for answers, and then asks again
TIMEOUT_S = 60  # a run takes 20 s; the rest is room for a busy machine
# The worker's name -> its database in the broker, and its visibility_timeout.
WORKERS = {"short": (1, SHORT_S), "monitored": (2, LONG_S), "long": (3, LONG_S)}


def main() -> None:
    with own_ledgers("lesson32", *WORKERS) as found, own_broker("lesson32") as broker:
        ledgers = dict(zip(WORKERS, found, strict=True))
        with workers_of([worker_line(broker, name) for name in WORKERS]):
            ids = {name: send(broker, name, ledger.run) for name, ledger in ledgers.items()}
            print(
                f"TL-1 is due in {COUNTDOWN_S} s, once for each worker; "
                "the monitor looks at the second one"
            )
            database, _ = WORKERS["monitored"]
            with broker.app(database, **looking(SHORT_S)) as monitor:

                def due_and_asked() -> bool:
                    monitor.control.ping(timeout=ANSWER_S)
                    return all(ledger.find("END", "TL-1") for ledger in ledgers.values())

                wait_for_lines(found, due_and_asked, TIMEOUT_S, "the end of each TL-1")
            clients = {name: broker.client(database) for name, (database, _) in WORKERS.items()}
            wait_until_quiet(list(clients.values()), [QUEUE], TIMEOUT_S)
        entries = {name: ledger.entries() for name, ledger in ledgers.items()}
        verdicts = {
            name: verdict_now(clients[name], [QUEUE], {"TL-1": ids[name]}, ledgers[name])
            for name in WORKERS
        }
    for name, lines in entries.items():
        came_again = sum(entry.redelivered for entry in lines if entry.event == "START")
        print(f"  {name:<11}runs: {len(lines) // 2}, of these redelivered: {came_again}")
    show_verdicts(verdicts)
    twice = {name: verdict.finished_twice == ["TL-1"] for name, verdict in verdicts.items()}
    claim(
        twice["short"],
        "short: a countdown longer than the visibility timeout ran more than once",
    )
    claim(
        twice["monitored"],
        "monitored: so it did where only another program had the short timeout",
    )
    claim(
        verdicts["long"].runs == {"TL-1": 1} and not verdicts["long"].lost,
        "long: with a timeout longer than the countdown, for everybody, it ran once",
    )


def looking(visibility_s: int) -> dict[str, int]:
    """broker_transport_options of a program that looks for old messages every LOOK_S seconds."""
    return looking_every_second(visibility_s) | {"unacked_restore_interval": LOOK_S}


def worker_line(broker: OwnBroker, name: str) -> WorkerLine:
    database, visibility_s = WORKERS[name]
    settings = [transport_setting(looking(visibility_s))]
    where = broker.environment(database)
    return WorkerLine(f"lesson32-{name}", [QUEUE], ["--concurrency=2"], settings, where)


def send(broker: OwnBroker, name: str, run: str) -> str:
    """Send TL-1 to one worker's database; return the task's id."""
    database, visibility_s = WORKERS[name]
    with broker.app(database, **looking(visibility_s)) as shop:
        job = (run, "TL-1", 0)
        return shop.send_task(
            print_ticket.name, job, countdown=COUNTDOWN_S, queue=QUEUE, ignore_result=True
        ).id


if __name__ == "__main__":
    run_lesson(main, queues=[])
