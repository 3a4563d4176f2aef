"""Brokers: put the same questions to Redis and RabbitMQ, and kill their workers 60 times.

Celery speaks to many brokers, and hides most of what is different between them.  Not all: Redis
keeps lists, and Celery makes a broker out of them.  RabbitMQ is a broker by itself: it routes
messages, it knows which worker holds which, and it sees when a connection is gone.

The same code asks both: which message goes first, what becomes of a full queue, what becomes of a
killed worker's message.  Then a worker on each is killed (kill -9) 60 times under a stream of short
jobs with late acknowledgement, and the jobs are counted.  At the end comes a broker that is only a
file: Celery's SQLAlchemy transport, on SQLite.

RabbitMQ takes part where AMQP_URL names one.  The lesson makes queues of its own there, and deletes
them.  A killed worker must be replaced quickly: the workers are forked from a process that has
imported Celery.  The task is `print_ticket_elsewhere` in tasks/other_app.py, an app of its own; the
questions are in broker_questions.py and broker_in_a_file.py, beside this file, and so is
reader_without_celery.py, which reads a message of Celery's and has no Celery.

    ./lab run 41        # about 50 s

Watch: on the machine of RabbitMQ, as root: rabbitmqctl list_queues
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ celery -A tasks.other_app worker -n lesson41-redis@%h ...
    ...rabbitmq...
                                          Redis           RabbitMQ
    one message to a topic exchange       2 copies        ...
    where that exchange is                a key, 2 lines  ...
    read by a program without Celery      TL-1            ...
    priorities 0, 5, 9 ran in the order   0 5 9           ...
    taken and given back, up to 6 times   6               ...
    these deliveries were counted         False           ...
    3 messages to a queue for 2           3 sent, 3 kept  ...
    the same with publisher confirms      3 sent, 3 kept  ...
    a killed worker's job came back after ... s           ...
    jobs under 60 kills                   360             ...
      lost                                ...
      started twice or more               ...
    $ celery -A tasks.other_app worker -n lesson41-sqlite@%h ...
    SQLite: a job starts ... ms after sending; Redis: ... ms
    SQLite: 0 workers answer a ping; Redis: 1
    SQLite: its table still has all 7 messages, done or not
    true: on Redis both queues got a copy, and a program without Celery read one
    ...: on RabbitMQ as well; its exchange is in the broker, and not in a key
    true: on Redis 0 goes first
    ...: on RabbitMQ 9 goes first
    ...: a quorum queue counts deliveries, and lets a message go after the last one
    ...: RabbitMQ refused a message, and told the sender that waited for the confirm
    ...: RabbitMQ gave the killed worker's job back sooner: it saw the connection end
    ...: RabbitMQ lost no job
    true: a database as a broker: no remote control, no way back for a killed worker's message

How many jobs Redis loses differs from run to run.  A worker takes a message in one step, and a
second step notes that it is unacked: a kill between the two loses it.

Try next.  Guess first:
  1. In priorities() in broker_questions.py, send 4, 3, 5 in place of 5, 0, 9.  Redis keeps four
     lists for a queue: 0 to 2, 3 to 5, 6 to 8, and 9.  What does each broker make of it?
  2. Set VISIBILITY_S to 8.  Which line of the table changes, and in which column alone?
  3. Set DELIVERIES to 4.  After how many deliveries is the message gone from RabbitMQ?
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from broker_in_a_file import lacks_both
from broker_questions import (
    back_after_s,
    deliveries,
    kept_where,
    priorities,
    read_without_celery,
    routed,
    three_into_two,
)

from labkit.lesson import claim, run_lesson
from labkit.lesson.tables import claim_where, show_row
from labkit.lesson.verdict import require_possible, verdict_on
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.side_by_side.bench import Bench, bench_on, wait_for_work
from labkit.side_by_side.rabbitmq import left_out
from labkit.side_by_side.two_brokers import two_sides
from tasks.other_app import app_on, print_ticket_elsewhere

NAMES = ["work", "shop", "mail", "audit", "poison", "full", "sure"]  # queues and exchanges
KILLS = 60
JOBS_PER_KILL = 6  # sent for each worker; it is killed after about half of them
JOB_S = 0.005  # short, so that a kill often finds the worker between two jobs
VISIBILITY_S = 4  # of Redis; longer than any job here
DELIVERIES = 2  # x-delivery-limit: so often a message may come again
SETTLED_S = 2.0 * VISIBILITY_S  # longer than Redis needs to give an old message back
TIMEOUT_S = 60  # nothing here takes 15 s; the rest is room for a busy machine
TASK = print_ticket_elsewhere.name


def main() -> None:
    with (
        own_ledgers("lesson41", "redis", "rabbitmq", "sqlite") as ledgers,
        two_sides("lesson41", NAMES, VISIBILITY_S) as sides,
        ExitStack() as open_benches,
    ):
        benches = [
            open_benches.enter_context(bench_on(side, ledger, TASK, app_on))
            for side, ledger in zip(sides, ledgers, strict=False)
        ]
        there = len(benches) == 2
        if not there:
            print(left_out("lesson41"))
        show_row("", ["Redis", "RabbitMQ"])
        copies = [routed(bench) for bench in benches]
        show_row("one message to a topic exchange", copies)
        exchanges = [kept_where(bench) for bench in benches]
        show_row("where that exchange is", exchanges)
        readers = [read_without_celery(bench) for bench in benches]
        show_row("read by a program without Celery", readers)
        orders = [priorities(bench) for bench in benches]
        show_row("priorities 0, 5, 9 ran in the order", orders)
        counts = [deliveries(bench, DELIVERIES) for bench in benches]
        show_row("taken and given back, up to 6 times", map(len, counts))
        show_row("these deliveries were counted", [any(count) for count in counts])
        plain = [three_into_two(bench, bench.app, "full") for bench in benches]
        show_row("3 messages to a queue for 2", plain)
        careful = [three_into_two(bench, bench.careful, "sure") for bench in benches]
        show_row("the same with publisher confirms", careful)
        waits_s = [back_after_s(bench) for bench in benches]
        show_row("a killed worker's job came back after", [f"{wait:.1f} s" for wait in waits_s])
        jobs = stream_and_kill(benches)
        verdicts = [
            verdict_on(
                jobs,
                [line for line in bench.ledger.entries() if line.job in jobs],
                with_a_message=bench.orders_left(),
            )
            for bench in benches
        ]
        require_possible(dict(zip(("Redis", "RabbitMQ"), verdicts, strict=False)))
        show_row(f"jobs under {KILLS} kills", [len(one.sent) for one in verdicts])
        show_row("  lost", [len(one.lost) for one in verdicts])
        if any(one.stuck for one in verdicts):
            show_row("  stuck", [len(one.stuck) for one in verdicts])
        show_row("  started twice or more", [len(one.started_twice) for one in verdicts])
        database_lacks_both = lacks_both(benches[0], ledgers[2], app_on)
    seen = list(zip(copies, exchanges, readers, strict=True))
    claim(
        seen[0] == ("2 copies", "a key, 2 lines", "TL-1"),
        "on Redis both queues got a copy, and a program without Celery read one",
    )
    claim_where(
        there,
        seen[-1] == ("2 copies", "in the broker", "TL-1"),
        "on RabbitMQ as well; its exchange is in the broker, and not in a key",
    )
    claim(orders[0] == "0 5 9", "on Redis 0 goes first")
    claim_where(there, orders[-1] == "9 5 0", "on RabbitMQ 9 goes first")
    claim_where(
        there,
        counts[-1] == list(range(DELIVERIES + 1)),
        "a quorum queue counts deliveries, and lets a message go after the last one",
    )
    claim_where(
        there,
        (plain[-1], careful[-1]) == ("3 sent, 2 kept", "2 sent, 2 kept"),
        "RabbitMQ refused a message, and told the sender that waited for the confirm",
    )
    claim_where(
        there,
        waits_s[-1] < waits_s[0],
        "RabbitMQ gave the killed worker's job back sooner: it saw the connection end",
    )
    claim_where(there, not (verdicts[-1].lost or verdicts[-1].stuck), "RabbitMQ lost no job")
    claim(
        database_lacks_both,
        "a database as a broker: no remote control, no way back for a killed worker's message",
    )


def stream_and_kill(benches: list[Bench]) -> list[str]:
    """Kill the workers KILLS times under a stream of jobs; let the last ones finish."""
    sent = []
    for turn in range(KILLS):
        jobs = [f"job {turn}.{number}" for number in range(JOBS_PER_KILL)]
        sent += jobs
        goals = {}
        for bench in benches:
            for job in jobs:
                bench.send(job, JOB_S)
            goals[bench] = bench.ended() + JOBS_PER_KILL // 2
            bench.worker.start()
        wait_for_work(goals, partial(killed_at_their_goals, goals))
    for bench in benches:
        bench.worker.start()
    ledgers = [bench.ledger for bench in benches]
    wait_for_lines(ledgers, settled(benches, set(sent)), TIMEOUT_S, "the end of the jobs")
    return sent


def killed_at_their_goals(goals: dict[Bench, int]) -> bool:
    """Kill each worker that has done so many jobs; True when all are killed."""
    for bench, goal in list(goals.items()):
        if bench.ended() >= goal:
            bench.worker.kill()
            del goals[bench]
    return not goals


def settled(benches: list[Bench], jobs: set[str]) -> Callable[[], bool]:
    """A condition: each job was done on each broker, or nothing was done for SETTLED_S seconds."""
    before: list[int] = []
    since, complete = time.monotonic(), False

    def look() -> bool:
        nonlocal before, since, complete
        now = [bench.ended() for bench in benches]
        if now != before:
            before, since = now, time.monotonic()
            complete = all(jobs <= bench.finished() for bench in benches)
        return complete or time.monotonic() - since > SETTLED_S

    return look


if __name__ == "__main__":
    run_lesson(main, queues=[])
