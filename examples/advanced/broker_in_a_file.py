"""A file as the broker: Celery's SQLAlchemy transport, on SQLite.  Lesson 41 uses it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from statistics import median

from broker_questions import SLOW_JOB_S
from celery import Celery
from kombu import Queue

from lab_home import LAB_FILES
from labkit.own.files import own_file
from labkit.own.ledgers import own_ledgers
from labkit.side_by_side.bench import Bench, bench_on
from labkit.side_by_side.two_brokers import Side
from labkit.waiting import wait_until

ASKED = [f"asked {number}" for number in range(5)]  # sent one by one
TIMEOUT_S = 60  # nothing here takes 15 s; the rest is room for a busy machine


def lacks_both(redis: Bench, app_on: Callable[..., Celery]) -> bool:
    """Use a file as the broker.  True: nobody answers a ping, and a killed worker's job is lost."""
    with (
        own_ledgers("lesson41", "sqlite") as [ledger],
        own_file(f"{ledger.run}.sqlite", LAB_FILES) as file,
    ):
        side = Side("SQLite", f"sqla+sqlite:///{file}", {"work": "lesson41-work"})
        with bench_on(side, ledger, redis.task, app_on) as sqlite:
            # Worker and sender would both look for the queue in its table and then add it: if they
            # do so at the same moment, the second one fails.
            with sqlite.app.connection_for_write() as connection:
                Queue(side.names["work"])(connection.default_channel).declare()
            sqlite.worker.start()
            noticed_ms = {
                one: median(start_ms(one, job) for job in ASKED) for one in (sqlite, redis)
            }
            wait_until(lambda: bool(redis.app.control.ping(timeout=1)), TIMEOUT_S)
            answers = {one: len(one.app.control.ping(timeout=1)) for one in (sqlite, redis)}
            sqlite.send("slow", SLOW_JOB_S)
            sqlite.wait_for(lambda: bool(sqlite.starts("slow")))
            sqlite.worker.start()  # which kills the one before
            sqlite.send("after it")
            sqlite.wait_for(lambda: "after it" in sqlite.finished())
            starts = len(sqlite.starts("slow"))
            with closing(sqlite3.connect(file)) as database:
                rows = database.execute("SELECT visible FROM kombu_message").fetchall()
    print(
        f"SQLite: a job starts {noticed_ms[sqlite]:.0f} ms after sending; "
        f"Redis: {noticed_ms[redis]:.0f} ms"
    )
    print(f"SQLite: {answers[sqlite]} workers answer a ping; Redis: {answers[redis]}")
    print(f"SQLite: its table still has all {len(rows)} messages, done or not")
    return not answers[sqlite] and starts == 1 and not any(visible for (visible,) in rows)


def start_ms(bench: Bench, job: str) -> float:
    """From sending a job to its start."""
    sent = bench.send(job)
    bench.wait_for(lambda: bool(bench.starts(job)))
    return 1000 * (bench.starts(job)[0] - sent)
