"""Errors and alerts: get each kind of error by e-mail, and be told when a queue only grows.

A worker logs every error, and nobody reads a log until somebody asks.  Two things must come to a
person.  A task has failed for good: that is an e-mail with the traceback.  And work comes in faster
than it is done: that is no error anywhere, and every task succeeds, later and later.

An e-mail for each error is a mistake that is made once.  A broken task fails a thousand times a
minute.  So there is one report in a minute (here: in 5 s) for each kind of error, which is a task
and an exception; and it says how many others of that kind were kept back since the last one.  All
processes of all workers share that memory, in Redis.

To count the errors is another program's job: Flower hears of every task, and has its numbers on
/metrics, for Prometheus or any other monitoring.  Here it is a Flower of the lesson's own, with a
password.  Look closely at which of its pages ask for that: its numbers can be read without.

The reports are tasks/error_reports.py, to be copied; work/throttle.py keeps back, and
work/queue_alert.py looks at the length of a queue.

    ./lab run 58        # about 11 s

Watch: http://localhost:5555/tasks shows the failures, and few send_email.  Then ./lab mail lists the
reports, and ./lab mail 1 shows the newest e-mail.

You should see:

    $ celery -A celery_app flower --port=0
    $ ./start_worker.sh -n lesson58@%h --queues=lesson58,lesson58-naps --concurrency=2 --prefetch-multiplier=1 --include=tasks.error_reports
    2 x 12 tasks fail
    Flower          without a password  with it
    GET /api/tasks  401                 200
    GET /           401                 200
    GET /metrics    200                 200
    flower_events_total{type="task-failed"} of this worker: 24
    alert    length of the queue, each 0.5 s
    raised   ...
    cleared  ...
    true: raised while the queue grew, cleared while it drained
    2 x 1 tasks fail
    a ValueError in                                failed  e-mails  kept back
    tasks.realworld_tasks.reports.generate_report  13      ...
    tasks.realworld_tasks.baggage.bag_fee          13      ...
    true: every failure had an e-mail, or was counted in the next one
    in a report: Traceback (most recent call last): ... ValueError: ...
    26 failures made ... e-mails
    true: a broken task does not fill the mailbox

The alert knows nothing of how long the queue is, only that it became longer at three looks in a
row.  That finds trouble early, when it can still be mended by more workers.

Try next.  Guess first:
  1. Set EVERY_S to 0.000001.  How many e-mails come, and which sentence is not true any more?
  2. Let the mail server be busy first: set_answers(LAB_FILES / "mail", ERRORS_TO, ["451", "451"]),
     from work.mail.mail_answers and lab_home, before fail(AT_FIRST).  Which numbers change?  Who
     waits?
  3. Let bag_fee retry, as
     @app.task(autoretry_for=(ValueError,), max_retries=1, default_retry_delay=1).
     How many more failures does Flower count, and how many more are reported?
"""  # noqa: E501

import secrets
import time

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.error_mail import ErrorMail
from labkit.lesson.metrics import status_codes, wait_for_metric
from labkit.long_lines import show_line
from labkit.own.pages import own_flower
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from monitor import get_queue_lengths
from tasks.basic_tasks import nap
from tasks.error_reports import error_throttle, kind_of
from tasks.realworld_tasks import bag_fee, generate_report, send_email
from work.queue_alert import GrowthAlert

ERRORS, NAPS = "lesson58", "lesson58-naps"  # the queue that grows must not keep errors waiting
OPTIONS = ["--concurrency=2", "--prefetch-multiplier=1", "--include=tasks.error_reports"]
ERRORS_TO, ALERTS_TO = (f"{what}-{secrets.token_hex(4)}@example.com" for what in ("err", "alert"))
EVERY_S = 5  # a real system takes a minute
SETTINGS = {"ERROR_REPORTS_TO": ERRORS_TO, "ERROR_REPORTS_EVERY_S": str(EVERY_S)}
FAILING = {generate_report: ("west",), bag_fee: (2, -1)}  # both end with a ValueError
AT_FIRST, LATER = 12, 1  # how often each of them is sent
NAP_S = 0.4  # two slots: five naps a second, and many more are sent
NAPS_A_LOOK = 20
LOOK_EVERY_S = 0.5
TIMEOUT_S = 60  # for each wait; the longest takes about 5 s


def main() -> None:
    user = ("operator", secrets.token_urlsafe(12))
    # A worker reports errors because of --include and the address in its environment.  Those of the
    # lab have neither; they only send the e-mails.
    with (
        own_queues(ERRORS, NAPS),
        own_flower("lesson58-flower", *user) as flower,
        own_worker("lesson58", [ERRORS, NAPS], *OPTIONS, environment=SETTINGS) as worker,
    ):
        # Flower counts what it hears.  A worker's heartbeat comes every 2 s: now it hears this one.
        wait_for_metric(1, flower.url, "flower_worker_online", worker=worker.name)
        fail(AT_FIRST)

        # A password closes the pages and the API, and not the numbers: whoever reaches the port can
        # read there what your tasks are called, and how many fail.
        paths = ("/api/tasks", "/", "/metrics")
        rows = [(f"GET {path}", *status_codes(flower.url, path, user)) for path in paths]
        table("Flower", "without a password", "with it", rows=rows)
        labels = {"type": "task-failed", "worker": worker.name}
        failed = wait_for_metric(2 * AT_FIRST, flower.url, "flower_events_total", **labels)
        print(f'flower_events_total{{type="task-failed"}} of this worker: {failed:.0f}')

        watch_the_queue()

        # Of each kind, one report is let through in EVERY_S.  Then the next failure has one again,
        # and that says how many were kept back.  bag_fee has failed last, so it is open last.
        throttle = error_throttle(ERRORS_TO, EVERY_S)
        wait_until(lambda: not throttle.closed_s(kind_of(bag_fee, ValueError())), TIMEOUT_S)
        fail(LATER)
        read_the_reports()


def fail(times: int) -> None:
    print(f"{len(FAILING)} x {times} tasks fail")
    # Twelve times the same error, as from a broken task that many requests call.
    for task, arguments in FAILING.items():
        results = [task.apply_async(arguments, queue=ERRORS) for _ in range(times)]
        for result in results:
            result.get(timeout=TIMEOUT_S, propagate=False)


def watch_the_queue() -> None:
    # In a system of your own each look is a periodic task, or a rule in the monitoring.  Until the
    # alert is raised, 20 more tasks come before each look, and the worker does about 3 meanwhile.
    alert, lengths, seen = GrowthAlert(), [0], dict[str, list[int]]()
    while len(seen) < 2:
        for _ in range(0 if alert.raised else NAPS_A_LOOK):
            nap.apply_async((NAP_S,), queue=NAPS)
        time.sleep(LOOK_EVERY_S)
        # region alert
        lengths.append(get_queue_lengths().get(NAPS, 0))
        if change := alert.look(lengths[-1]):
            send_email.delay(ALERTS_TO, f"alert {change}: {NAPS}", f"lengths: {lengths}")
            seen[change], lengths = lengths, lengths[-1:]
        # endregion
    table("alert", f"length of the queue, each {LOOK_EVERY_S} s", rows=seen.items())
    grew, shrank = seen.values()
    claim(grew[0] < grew[-1] > shrank[-1], "raised while the queue grew, cleared while it drained")


def read_the_reports() -> None:
    # Each failure has a report of its own, or is one of those that the next report counts.
    mail, failures = ErrorMail(ERRORS_TO), len(FAILING) * (AT_FIRST + LATER)
    mail.wait_until_told(failures)
    rows = [(task.name, AT_FIRST + LATER, *mail.counts(task.name)) for task in FAILING]
    table("a ValueError in", "failed", "e-mails", "kept back", rows=rows)
    claim(mail.told() == failures, "every failure had an e-mail, or was counted in the next one")
    show_line(f"in a report: {mail.ends_of_a_traceback(generate_report.name)}")
    print(f"{failures} failures made {mail.number()} e-mails")
    claim(mail.number() < failures, "a broken task does not fill the mailbox")


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
