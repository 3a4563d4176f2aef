"""Routing: send urgent and slow work to different queues, and tie workers to them.

The desk of the shop has three kinds of work.  A refund is urgent: the customer stands there.  A
question can wait, and a report can wait longer.  Each kind gets a queue, and `task_routes` says
which one, by the name of the task.  Only the sender reads that table.  A worker knows no names:
it takes what lies in its queues.

First a worker that is started without -Q: it takes from every queue that the app declares.  Then
two workers that have as many slots together, each tied to queues by -Q (--queues).  At the end a
refund is sent to a queue whose name is misspelled.  Celery makes that queue without a word.

The tasks are in tasks/advanced_tasks/desk.py.

    ./lab run 20        # about 12 s

Watch: http://localhost:5555/workers shows the three workers of this lesson come and go.

You should see:

    the task                                   goes to
    tasks.advanced_tasks.desk.refund_seats     lesson20.high
    tasks.advanced_tasks.desk.answer_question  lesson20.normal
    tasks.advanced_tasks.desk.report_sales     lesson20.low
    $ celery -A celery_app worker -n lesson20-any@%h --concurrency=2 --loglevel=info -- 'task...
    it takes from lesson20.high, lesson20.low, lesson20.normal
    10 reports, then a refund: it waited ... s, behind 10 of them
    true: without -Q the refund waited behind all the reports
    $ ./start_worker.sh -n lesson20-high@%h --queues=lesson20.high --concurrency=1
    $ ./start_worker.sh -n lesson20-rest@%h --queues=lesson20.normal,lesson20.low --concurrency=1
    10 reports, then a refund: it waited ... s, behind ... of them
    true: with a slot of its own it did not wait for half of them
    true: lesson20-high did the refund, and nothing else
    a refund for lesson20.hihg is PENDING; messages in that queue: 1
    $ ./lab doctor --wait 20 ...
    wrong  waits in the queue 'lesson20.hihg', as the next one: ...
           no worker ...takes from this queue...
           hint: ./lab move lesson20.hihg lesson20.high
    true: the doctor says that no worker takes from it

Try next.  Guess first:
  1. Put "tasks.advanced_tasks.desk.*" first in ROUTES.  Where do refunds and reports go then?
  2. Send the refund with apply_async(..., queue=LOW).  Which one wins, the option or the table?
  3. Take lesson20.normal from the second worker's line.  What does the lesson wait for, and what
     does ./lab doctor say meanwhile?
"""

import json
import time

import redis

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.by_worker import who_began
from labkit.own.command import lab
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import WorkerLine, worker_by, workers_of
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
DECLARED = f"task.queues=(dict){json.dumps({queue: {} for queue in (HIGH, NORMAL, LOW)})}"
ANY = "celery -A celery_app worker -n lesson20-any@%h --concurrency=2 --loglevel=info"
TIED = [
    WorkerLine("lesson20-high", [HIGH], ["--concurrency=1"]),
    WorkerLine("lesson20-rest", [NORMAL, LOW], ["--concurrency=1"]),
]
REPORTS = 10  # what two slots take at once: two run, and four for each slot are taken ahead
REPORT_S = 0.3  # so two slots have 1.5 s to do before they come to anything else
TIMEOUT_S = 20  # nothing here takes 5 s; the rest is room for a busy machine


def main() -> None:
    # No caller names a queue; a pattern for the name of the task does.
    app.conf.task_routes = [ROUTES, app.conf.task_routes]
    names = [task.name for task in (refund_seats, answer_question, report_sales)]
    queues = [app.amqp.router.route({}, name)["queue"].name for name in names]
    table("the task", "goes to", rows=zip(names, queues, strict=True))

    with (
        own_ledgers("lesson20", "any", "tied") as (any_ledger, tied_ledger),
        own_queues(HIGH, NORMAL, LOW, MISSPELLED) as client,
    ):
        with worker_by(f"{ANY} -- '{DECLARED}'", "lesson20-any", [HIGH, NORMAL, LOW]) as worker:
            takes = app.control.inspect([worker.name]).active_queues()[worker.name]
            print("it takes from", ", ".join(sorted(queue["name"] for queue in takes)))
            before = reports_before_a_refund(any_ledger, client, taken=REPORTS)
            claim(before == REPORTS, "without -Q the refund waited behind all the reports")

        # As many slots as before.  But the reports cannot fill the one that is tied to HIGH.
        with workers_of(TIED) as workers:
            before = reports_before_a_refund(tied_ledger, client, taken=REPORTS // 2)
            claim(before < REPORTS / 2, "with a slot of its own it did not wait for half of them")
            who = who_began(tied_ledger, workers)
            by_high = [job for job, worker in who.items() if worker == "lesson20-high"]
            claim(by_high == ["OSL-1"], "lesson20-high did the refund, and nothing else")

            # Celery takes any name of a queue for a good one.  The doctor knows who takes what.
            lost = refund_seats.apply_async(("lesson20", "OSL-3"), queue=MISSPELLED)
            print(
                f"a refund for {MISSPELLED} is {lost.state}; "
                f"messages in that queue: {client.llen(MISSPELLED)}"
            )
            found = lab("doctor", "--wait", "20", lost.id).show(MISSPELLED, others=False, fold=True)
            claim("takes from this queue" in found, "the doctor says that no worker takes from it")


def reports_before_a_refund(ledger: Ledger, client: redis.Redis, taken: int) -> int:
    """Send reports, and when workers have `taken` so many, a refund and a question.

    Returns how many reports began before the refund.
    """
    sent = [report_sales.delay(ledger.run, f"LOW-{n}", REPORT_S) for n in range(REPORTS)]
    wait_until(lambda: client.llen(LOW) <= REPORTS - taken, TIMEOUT_S)
    sent_at = time.time()
    sent.append(refund_seats.delay(ledger.run, "OSL-1"))
    sent.append(answer_question.delay(ledger.run, "OSL-2"))
    for result in sent:
        result.get(timeout=TIMEOUT_S)
    jobs = [entry.job for entry in ledger.entries() if entry.event == "START"]
    before = sum(job.startswith("LOW") for job in jobs[: jobs.index("OSL-1")])
    waited_s = ledger.find("START", "OSL-1").time - sent_at
    print(f"{REPORTS} reports, then a refund: it waited {waited_s:.2f} s, behind {before} of them")
    return before


if __name__ == "__main__":
    run_lesson(main, queues=[])
