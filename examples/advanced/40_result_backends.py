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
                ms a job  ms get()  again    by another  forgotten  expired  cleaned
    redis       ...  SUCCESS  SUCCESS     PENDING    PENDING  PENDING
    sqlite      ...  SUCCESS  SUCCESS     PENDING    SUCCESS  PENDING
    files       ...  SUCCESS  SUCCESS     PENDING    SUCCESS  PENDING
    none        ...  PENDING  PENDING     PENDING
    postgresql  ...
    rpc         ...
    redis keeps a key for ... s: {"status": "SUCCESS", "result": ...
    sqlite keeps a row: id, task_id, status, result, date_done, traceback, children and 7 more
    files keeps celery-task-meta-...
    true: redis tells the caller; sqlite and files are asked every 0.5 s
    true: none: get() did not wait
    ...: postgresql is asked every 0.5 s, and keeps results until cleanup()
    ...: rpc tells the caller; another program finds nothing

"ms a job" is the time from one finished job to the next, in a worker with one slot; the row of none
has it without a result.  "ms get()" is how long a caller waits for a job of 0.2 s.  The rest are
states: "again" is what the caller sees who asks once more, "by another" what another program sees.
"expired" is one second after the end of the result's time to live, "cleaned" after a cleanup().

Try next.  Guess first:
  1. In ask(), write get(timeout=TIMEOUT_S, interval=0.01).  Which sentence is not true
     any more, and what does a database pay for it?
  2. In expiry(), take app.backend.cleanup() away.  What does the last column say of redis?
  3. In tasks/other_app.py, set result_expires=60.  Which line changes?
"""

import time
from statistics import median

from celery import uuid

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.tables import claim_where
from labkit.own.ledgers import own_ledgers
from labkit.side_by_side.result_stores import Store, result_stores, show_what_is_kept
from tasks.other_app import app_on, print_ticket_elsewhere

# Addresses as an app takes them: Celery(..., backend=ADDRESS), or its setting result_backend.  What
# is in braces is yours; the lesson fills in its own.
BACKENDS = {
    "redis": "redis://{redis}",  # USER:PASSWORD@HOST:PORT/DATABASE
    "sqlite": "db+sqlite:///{folder}/results.sqlite",  # needs SQLAlchemy
    "files": "file://{folder}",
    "none": "redis://{redis}",  # its jobs are sent with ignore_result=True
    "postgresql": "db+postgresql+psycopg://{postgresql}",  # needs SQLAlchemy and psycopg
    "rpc": "rpc://",  # the broker, which must be a RabbitMQ
}
JOBS = 100  # one after another, for the time of each
WAITS = 3
WAITED_S = 0.2  # a job that is waited for; longer than it takes to begin to wait
EXPIRES_S = 1  # result_expires; the lab has 3600, Celery one day
POLL_S = 0.5  # Celery's own interval, where a store must be asked
TIMEOUT_S = 60  # nothing here takes 5 s; the rest is room for a busy machine


def ask(store: Store) -> dict[str, float | str]:
    """Put one store to use, and ask it for a result in several ways."""
    row = {"ms a job": round(store.ms_per_job(JOBS), 1)}

    # On Redis get() subscribes to the result, and on rpc it is a message for this caller.  All
    # other stores it asks again and again, every 0.5 s: its argument `interval`.
    waits_ms = []
    for number in range(WAITS):
        result = store.send(f"waited for {number}", WAITED_S)
        start = time.monotonic()
        result.get(timeout=TIMEOUT_S)
        waits_ms.append(1000 * (time.monotonic() - start))
    store.wait_for_ends(JOBS + WAITS)  # where nothing is kept, get() has not waited

    # An AsyncResult remembers a final state.  Another program has the id, and must ask the store.
    row |= {"ms get()": round(median(waits_ms)), "again": result.state}
    row["by another"] = store.state(result.id)
    result.forget()
    row["forgotten"] = store.state(result.id)
    return row if store.place.name in {"none", "rpc"} else row | expiry(store)


def expiry(store: Store) -> dict[str, str]:
    """Store a result as a worker does, let it grow old, then clean up as Beat does each night."""
    task_id = uuid()
    # On Redis a key has a time to live.  In a table and in a folder nothing goes by itself: there
    # Beat sends the task celery.backend_cleanup, at 4 in the morning, which calls cleanup().
    with store.another_program() as app:
        app.conf.result_expires = EXPIRES_S
        app.backend.store_result(task_id, 9, "SUCCESS")
        time.sleep(EXPIRES_S + 1)
        expired = store.state(task_id)
        app.backend.cleanup()
        return {"expired": expired, "cleaned": store.state(task_id)}


def main() -> None:
    with (
        own_ledgers("lesson40", *BACKENDS) as ledgers,
        result_stores("lesson40", BACKENDS, ledgers, print_ticket_elsewhere.name, app_on) as stores,
    ):
        rows = {name: ask(store) for name, store in stores.items()}
        out = {"": "left out"}
        table("", *rows["redis"], rows=[(one, *rows.get(one, out).values()) for one in BACKENDS])
        show_what_is_kept(stores)

    # Who is told comes back when the job ends, after WAITED_S; who must ask sees it POLL_S later.
    told = {name for name, row in rows.items() if row["ms get()"] < 1000 * POLL_S}
    asked = f"asked every {POLL_S} s"
    claim(
        "redis" in told and not told & {"sqlite", "files"},
        f"redis tells the caller; sqlite and files are {asked}",
    )
    claim(rows["none"]["ms get()"] < 1000 * WAITED_S, "none: get() did not wait")

    # The states of the first four rows are in the promise of each run.
    states = {name: list(row.values())[2:] for name, row in rows.items()}
    kept = states.get("postgresql", [])[3:]
    as_database = "postgresql" not in told and kept == ["SUCCESS", "PENDING"]
    claim_where(
        "postgresql" in rows,
        as_database,
        f"postgresql is {asked}, and keeps results until cleanup()",
    )
    as_message = "rpc" in told and states.get("rpc", [])[:2] == ["SUCCESS", "PENDING"]
    claim_where("rpc" in rows, as_message, "rpc tells the caller; another program finds nothing")


if __name__ == "__main__":
    run_lesson(main, queues=[])
