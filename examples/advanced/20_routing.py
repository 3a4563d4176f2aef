"""Routing: send urgent and slow work to different queues, and tie workers to them.

The desk of the shop has three kinds of work.  A refund is urgent: the customer stands there.  A
question can wait, and a report can wait longer.  Each kind gets a queue, and `task_routes` says
which one, by the name of the task.  Only the sender reads that table.  A worker knows no names:
it takes what lies in its queues.

First a worker that is started without -Q: it takes from every queue that the app declares.  Then
two workers that have as many slots together, each tied to queues by -Q (--queues).  At the end a
refund is sent to a queue whose name is misspelled.  Celery makes that queue without a word.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 20        # about 10 s

Watch: http://localhost:5555/workers shows the three workers of this lesson come and go.

You should see:

    refund_seats     goes to lesson20.high
    answer_question  goes to lesson20.normal
    report_sales     goes to lesson20.low
    true: no caller names a queue; a pattern for the name of the task does
    $ celery -A celery_app worker -n lesson20-any@%h --concurrency=2 --loglevel=info -- 'task...
    it takes from lesson20.high, lesson20.low, lesson20.normal
    10 reports, then a refund: it waited ... s, until 10 of them had begun
    $ ./start_worker.sh -n lesson20-high@%h --queues=lesson20.high --concurrency=1
    $ ./start_worker.sh -n lesson20-rest@%h --queues=lesson20.normal,lesson20.low --concurrency=1
    10 reports, then a refund: it waited ... s, until ... of them had begun
    true: without -Q the refund waited behind all the reports
    true: with a slot that no report gets, it did not wait for half of them
    true: each worker did the tasks of its own queues, and no others
    a refund for lesson20.hihg: its state is PENDING, and 1 message lies there
    $ ./lab doctor --wait 20 ...
    wrong  waits in the queue 'lesson20.hihg', as the next one: ... no worker ...takes from th...
           hint: ./lab move lesson20.hihg lesson20.high
    true: the message waits where no worker takes, and the doctor names that queue

Try next.  Guess first:
  1. Put "tasks.advanced_tasks.desk.*" first in ROUTES.  Where do refunds and reports go then?
  2. Send the refund with apply_async(..., queue=LOW).  Which one wins, the option or the table?
  3. Take lesson20.normal from the second worker's line.  What does the lesson wait for, and what
     does ./lab doctor say meanwhile?
"""

import json
import shlex
import subprocess
import sys
import time

import redis

from celery_app import app
from lab_home import ROOT
from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from labkit.own.ledgers import own_ledgers
from labkit.own.program import started
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import answer_question, refund_seats, report_sales
from work.ledger import Ledger

HIGH, NORMAL, LOW = "lesson20.high", "lesson20.normal", "lesson20.low"
MISSPELLED = "lesson20.hihg"
# In a project of your own this stands in celery_app.py.  The first pattern that fits counts.
ROUTES = {
    "tasks.advanced_tasks.desk.refund_*": {"queue": HIGH},
    "tasks.advanced_tasks.desk.report_*": {"queue": LOW},
    "tasks.advanced_tasks.desk.*": {"queue": NORMAL},
}
# A worker without -Q takes from all of task_queues; here these are the three.  (Not through
# start_worker.sh, because that one always names queues.)
ANY = "celery -A celery_app worker -n lesson20-any@%h --concurrency=2 --loglevel=info"
DECLARED = f"task.queues=(dict){json.dumps({queue: {} for queue in (HIGH, NORMAL, LOW)})}"
TIED = [
    WorkerLine("lesson20-high", [HIGH], ["--concurrency=1"]),
    WorkerLine("lesson20-rest", [NORMAL, LOW], ["--concurrency=1"]),
]
REPORTS = 10  # what two slots take at once: two run, and four for each slot are taken ahead
REPORT_S = 0.3  # so two slots have 1.5 s to do before they come to anything else
TIMEOUT_S = 20  # nothing here takes 5 s; the rest is room for a busy machine


def main() -> None:
    app.conf.task_routes = [ROUTES, app.conf.task_routes]
    goes_to = []
    for task in (refund_seats, answer_question, report_sales):
        goes_to.append(app.amqp.router.route({}, task.name)["queue"].name)
        print(f"{task.name.rpartition('.')[2]:<17}goes to {goes_to[-1]}")
    claim(
        goes_to == [HIGH, NORMAL, LOW],
        "no caller names a queue; a pattern for the name of the task does",
    )

    with (
        own_ledgers("lesson20", "any", "tied") as (any_ledger, tied_ledger),
        own_queues(HIGH, NORMAL, LOW, MISSPELLED) as client,
        started(Worker, "lesson20-any", [*shlex.split(ANY), "--", DECLARED]) as worker,
    ):
        worker.wait_until_it_answers([HIGH, NORMAL, LOW])
        asked = app.control.inspect([worker.name]).active_queues()[worker.name]
        print("it takes from", ", ".join(sorted(queue["name"] for queue in asked)))
        any_before, _ = reports_and_a_refund(any_ledger, client, taken=REPORTS)
        worker.ask_to_stop()
        with workers_of(TIED):
            tied_before, who_did = reports_and_a_refund(tied_ledger, client, taken=REPORTS // 2)
            claim(any_before == REPORTS, "without -Q the refund waited behind all the reports")
            claim(
                tied_before < REPORTS / 2,
                "with a slot that no report gets, it did not wait for half of them",
            )
            claim(
                who_did == ["lesson20-rest"] * REPORTS + ["lesson20-high", "lesson20-rest"],
                "each worker did the tasks of its own queues, and no others",
            )
            misspell(client)


def reports_and_a_refund(ledger: Ledger, client: redis.Redis, taken: int) -> tuple[int, list[str]]:
    """Send reports, and when workers have `taken` so many, a refund and a question.

    Returns how many reports began before the refund, and which workers did the reports, the
    refund, and the question.
    """
    with state_reports() as reports:
        sent = [report_sales.delay(ledger.run, f"LOW-{n}", REPORT_S) for n in range(REPORTS)]
        wait_until(lambda: client.llen(LOW) <= REPORTS - taken, TIMEOUT_S)
        sent_at = time.time()
        sent += [
            refund_seats.delay(ledger.run, "OSL-1"),
            answer_question.delay(ledger.run, "OSL-2"),
        ]
        workers = [reports.who_started(result.id)[1] for result in sent]
    start = ledger.find("START", "OSL-1").time
    entries = [entry for entry in ledger.entries() if entry.event == "START"]
    before = sum(entry.time < start for entry in entries if entry.job.startswith("LOW"))
    waited_s = start - sent_at
    print(
        f"{REPORTS} reports, then a refund: it waited {waited_s:.2f} s, "
        f"until {before} of them had begun"
    )
    return before, [worker.partition("@")[0] for worker in workers]


def misspell(client: redis.Redis) -> None:
    """Send to a queue that does not exist, and let the doctor find it."""
    lost = refund_seats.apply_async(("lesson20", "OSL-3"), queue=MISSPELLED)
    waiting = client.llen(MISSPELLED)
    print(f"a refund for {MISSPELLED}: its state is {lost.state}, and {waiting} message lies there")
    command = ["doctor", "--wait", "20", lost.id]  # 2.5 s are too short on a busy machine
    print(f"$ ./lab {' '.join(command)}", flush=True)
    doctor = subprocess.run(
        [sys.executable, "-m", "labkit.cli", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    finding, hint = [*doctor.stdout.splitlines(), "", ""][:2]  # its first one
    print(finding, hint, sep="\n")
    # Of a worker that is too busy to answer, nobody knows what it takes.
    claim(
        all(
            words in finding for words in (f"'{MISSPELLED}'", "no worker", "takes from this queue")
        ),
        "the message waits where no worker takes, and the doctor names that queue",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
