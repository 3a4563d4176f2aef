"""Result backends: keep the same results in six ways, and see what is kept, for whom, how long.

A worker hands each result to a result backend, and any program can ask there by the task's id.
Which one fits depends on three questions.  Who asks?  How soon must the answer be there?  Who
clears up?  Redis tells a waiting caller, and throws results away by itself.  A database, and a
folder of files, are asked twice a second, and keep results until somebody cleans up.  rpc keeps
nothing: a result is a message to the caller.  And many tasks need no result at all.

Each way has a worker here, on a broker of the lesson's own.  PostgreSQL takes part where
DATABASE_URL names one, in a schema of the lesson's own; rpc where AMQP_URL names a RabbitMQ.
All results are JSON.  The task is `print_ticket_elsewhere` in tasks/other_app.py.

Two more are only named here, as a line of configuration:

    result_backend = "cache+memcached://127.0.0.1:11211/"   # may forget a result at any time
    result_backend = "s3"                                   # with s3_bucket, s3_region and others

    ./lab run 40        # about 20 s

Watch: nothing in Flower, which knows only the shared broker.

You should see:

    $ celery -A tasks.other_app worker -n lesson40-redis@%h ...
    $ celery -A tasks.other_app worker -n lesson40-sqlite@%h ...
    $ celery -A tasks.other_app worker -n lesson40-files@%h ...
    $ celery -A tasks.other_app worker -n lesson40-none@%h ...
    ...postgres...
    ...r...
                a job    get()    again    by another  forgotten  expired  cleaned
    redis       ... ms  ... ms  SUCCESS  SUCCESS     PENDING    PENDING  PENDING
    sqlite      ... ms  ... ms  SUCCESS  SUCCESS     PENDING    SUCCESS  PENDING
    files       ... ms  ... ms  SUCCESS  SUCCESS     PENDING    SUCCESS  PENDING
    none        ... ms  ... ms  PENDING  PENDING     PENDING    -        -
    postgresql  ...
    rpc         ...
    redis keeps a key for ... s: {"status": "SUCCESS", "result": ...}
    sqlite keeps a row: id, task_id, status, result, date_done, traceback, children...
    files keeps celery-task-meta-...
    true: redis tells the caller; sqlite and files are asked every 0.5 s
    true: another program finds the result in redis, sqlite and files
    true: what is forgotten is gone
    true: redis threw an old result away; sqlite and files kept it until cleanup()
    true: none: get() did not wait
    ...: postgresql is asked every 0.5 s, and keeps results until cleanup()
    ...: rpc tells the caller, and another program finds nothing

"a job" is the time from one finished job to the next, in a worker with one slot; the row of none
has it without a result.  "get()" is how long a caller waits for a job of 0.2 s.  The rest are
states: "again" is what the caller sees who asks once more, "by another" what another program sees.
"expired" is one second after the end of the result's time to live, "cleaned" after a cleanup().

Try next.  Guess first:
  1. In wait_for_answer(), write get(timeout=TIMEOUT_S, interval=0.01).  Which sentence is not true
     any more, and what does a database pay for it?
  2. In expiry(), take app.backend.cleanup() away.  What does the last column say of redis?
  3. In tasks/other_app.py, set result_expires=60.  Which line changes?
"""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import median

from celery import uuid
from celery.result import AsyncResult

from labkit.broker.check import client_for
from labkit.lesson import claim, run_lesson
from labkit.lesson.tables import claim_where
from labkit.own.ledgers import own_ledgers, wait_for_lines
from labkit.side_by_side.result_stores import Store, result_stores
from labkit.waiting import wait_until
from tasks.other_app import app_on, print_ticket_elsewhere

NAMES = ["redis", "sqlite", "files", "none", "postgresql", "rpc"]
JOBS = 100  # one after another, for the time of each
WAITS = 3
WAITED_S = 0.2  # a job that is waited for; longer than it takes to begin to wait
EXPIRES_S = 1  # result_expires; the lab has 3600, Celery one day
POLL_S = 0.5  # Celery's own interval, where a store must be asked
TIMEOUT_S = 60  # nothing here takes 5 s; the rest is room for a busy machine


@dataclass(frozen=True)
class Row:
    """What was seen of one store; waits_ms: of get(); the last five are states."""

    job_ms: float
    waits_ms: list[float]
    again: str
    by_another: str
    forgotten: str
    expired: str = "-"
    cleaned_up: str = "-"

    def __str__(self) -> str:
        times = f"{self.job_ms:4.1f} ms  {median(self.waits_ms):4.0f} ms"
        states = f"{self.again:<7}  {self.by_another:<10}  {self.forgotten:<9}  {self.expired:<7}"
        return f"{times}  {states}  {self.cleaned_up}"


def main() -> None:
    with (
        own_ledgers("lesson40", *NAMES) as ledgers,
        result_stores("lesson40", NAMES, ledgers, print_ticket_elsewhere.name, app_on) as stores,
    ):
        print(" " * 12 + "a job    get()    again    by another  forgotten  expired  cleaned")
        rows = {name: row_of(store) for name, store in stores.items()}
        for name in NAMES:
            print(f"{name:<12}{rows.get(name, 'left out')}")
        show_what_is_kept(stores)
    redis, none, asked = rows["redis"], rows["none"], [rows["sqlite"], rows["files"]]
    claim(
        is_told(redis) and not any(is_told(row) for row in asked),
        f"redis tells the caller; sqlite and files are asked every {POLL_S} s",
    )
    kept = [redis, *asked]
    claim(
        all(row.by_another == "SUCCESS" for row in kept),
        "another program finds the result in redis, sqlite and files",
    )
    claim(all(row.forgotten == "PENDING" for row in kept), "what is forgotten is gone")
    claim(
        redis.expired == "PENDING" and all(kept_until_cleanup(row) for row in asked),
        "redis threw an old result away; sqlite and files kept it until cleanup()",
    )
    claim(
        none.again == "PENDING" and min(none.waits_ms) < 1000 * WAITED_S, "none: get() did not wait"
    )
    for name, sentence, seen in (
        (
            "postgresql",
            f"postgresql is asked every {POLL_S} s, and keeps results until cleanup()",
            as_database,
        ),
        ("rpc", "rpc tells the caller, and another program finds nothing", as_message),
    ):
        claim_where(name in rows, name in rows and seen(rows[name]), sentence)


def is_told(row: Row) -> bool:
    """Whether get() mostly came back before it would have asked for the second time."""
    # Not the shortest: where the lesson is held up, the result is there before it begins to wait.
    return median(row.waits_ms) < 1000 * POLL_S


def as_database(row: Row) -> bool:
    return not is_told(row) and kept_until_cleanup(row)


def as_message(row: Row) -> bool:
    return is_told(row) and (row.again, row.by_another) == ("SUCCESS", "PENDING")


def kept_until_cleanup(row: Row) -> bool:
    return (row.expired, row.cleaned_up) == ("SUCCESS", "PENDING")


def row_of(store: Store) -> Row:
    """Put one store to use, and ask it for a result in several ways."""
    for number in range(JOBS):
        store.send(f"job {number}")
    what = f"the end of {JOBS} jobs on {store.place.name}"
    wait_for_lines([store.ledger], lambda: len(store.ended()) == JOBS, TIMEOUT_S, what)
    ended = store.ended()
    job_ms = 1000 * (ended[-1] - ended[0]) / (JOBS - 1)
    waits_ms = []
    for number in range(WAITS):
        result = store.send(f"waited for {number}", WAITED_S)
        waits_ms.append(1000 * wait_for_answer(result))
    all_ended = JOBS + WAITS
    what = f"the end of {all_ended} jobs on {store.place.name}"
    wait_for_lines([store.ledger], lambda: len(store.ended()) == all_ended, TIMEOUT_S, what)
    again, by_another = result.state, store.state(result.id)
    result.forget()
    row = Row(job_ms, waits_ms, again, by_another, store.state(result.id))
    return row if store.place.name in {"none", "rpc"} else replace(row, **expiry(store))


def wait_for_answer(result: AsyncResult) -> float:
    """Seconds until get() comes back."""
    start = time.monotonic()
    result.get(timeout=TIMEOUT_S)
    return time.monotonic() - start


def expiry(store: Store) -> dict[str, str]:
    """Store a result as a worker does, let it grow old, then clean up as Beat does each night."""
    task_id = uuid()
    with app_on(store.place.broker_url, store.place.result_url) as app:
        app.conf.result_expires = EXPIRES_S
        app.backend.store_result(task_id, 9, "SUCCESS")
        stored = time.monotonic()
        wait_until(lambda: time.monotonic() - stored > EXPIRES_S + 1, TIMEOUT_S)
        expired = store.state(task_id)
        app.backend.cleanup()
        return {"expired": expired, "cleaned_up": store.state(task_id)}


def show_what_is_kept(stores: Mapping[str, Store]) -> None:
    """Look into three stores without Celery."""
    last, file = (stores[name].send("to look at") for name in ("redis", "files"))
    last.get(timeout=TIMEOUT_S)
    file.get(timeout=TIMEOUT_S)
    with client_for(stores["redis"].place.result_url) as client:
        key = f"celery-task-meta-{last.id}"
        print(f"redis keeps a key for {client.ttl(key)} s: {client.get(key)}")
    with closing(sqlite3.connect(stores["sqlite"].place.folder / "results.sqlite")) as database:
        columns = [
            column for _, column, *_ in database.execute("PRAGMA table_info(celery_taskmeta)")
        ]
    print(f"sqlite keeps a row: {', '.join(columns)}")
    [name] = [one.name for one in stores["files"].place.folder.glob(f"*{file.id}")]
    print(f"files keeps {name}")


if __name__ == "__main__":
    run_lesson(main, queues=[])
