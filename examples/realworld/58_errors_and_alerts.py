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
password.  Look closely at which of its pages ask for that.

The reports are tasks/error_reports.py, to be copied; work/throttle.py keeps back, and
work/queue_alert.py looks at the length of a queue.

    ./lab run 58        # about 11 s

Watch: http://localhost:5555/tasks shows the failures, and few send_email.  Then ./lab mail lists the
reports, and ./lab mail 1 shows the newest e-mail.

You should see:

    $ celery -A celery_app flower --port=0
    $ ./start_worker.sh -n lesson58@%h --queues=lesson58,lesson58-naps --concurrency=2 --prefetch-multiplier=1 --include=tasks.error_reports
    12 + 5 tasks fail
    Flower            without a password  with it
    GET /api/tasks    401                 200
    GET /             401                 200
    GET /metrics      200                 200
    flower_events_total{type="task-failed"} of this worker: 17
    true: Flower has counted every failure
    true: the numbers can be read without the password
    one look each 0.5 s, 20 tasks between two looks: ...
    alert raised; nothing is sent any more: ...
    alert cleared
    true: it was raised while the queue grew, and cleared while it drained
    2 more tasks fail, after a pause of 5 s
    a ValueError in                                failed  e-mails  kept back
    tasks.realworld_tasks.reports.generate_report  13      ...
    tasks.realworld_tasks.baggage.bag_fee          6       ...
    true: every failure had an e-mail, or was counted in the next one
    in a report: Traceback (most recent call last): ... ValueError: ...
    19 failures made ... e-mails
    true: a broken task does not fill the mailbox

The alert knows nothing of how long the queue is, only that it became longer at three looks in a
row.  That finds trouble early, when it can still be mended by more workers.

Try next.  Guess first:
  1. Set EVERY_S to 0.000001.  How many e-mails come, and which sentence is not true any more?
  2. Let the mail server be busy first: set_answers(MAILBOXES, ERRORS_TO, ["451", "451"]), from
     work.mail.mail_answers, before fail(AT_FIRST).  Which numbers change?  Who waits?
  3. Let bag_fee retry, as
     @app.task(autoretry_for=(ValueError,), max_retries=1, default_retry_delay=1).
     How many more failures does Flower count, and how many more are reported?
"""  # noqa: E501

import secrets
import time
from collections.abc import Sequence

import httpx

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own.pages import own_flower
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from monitor import get_queue_lengths
from tasks.basic_tasks import nap
from tasks.error_reports import error_throttle, kind_of
from tasks.realworld_tasks import bag_fee, generate_report, send_email
from work.error_report import kept_back_in
from work.mail.mailbox import emails, read_email
from work.queue_alert import GrowthAlert

QUEUES = ["lesson58", "lesson58-naps"]  # the second one grows, and must not keep errors waiting
RUN = secrets.token_hex(4)
ERRORS_TO, ALERTS_TO = f"errors-{RUN}@example.com", f"alerts-{RUN}@example.com"
MAILBOXES = LAB_FILES / "mail"
EVERY_S = 5  # a real system takes a minute
FAILING = {generate_report: ("west",), bag_fee: (2, -1)}  # both end with a ValueError
AT_FIRST, LATER = [12, 5], [1, 1]  # how often each of them is sent
NAP_S = 0.4  # two slots: five naps a second, and many more are sent
NAPS_A_LOOK = 20
LOOK_EVERY_S = 0.5
TIMEOUT_S = 60  # for each wait; the longest takes about 5 s


def main() -> None:
    password = secrets.token_urlsafe(12)
    options = ["--concurrency=2", "--prefetch-multiplier=1", "--include=tasks.error_reports"]
    settings = {"ERROR_REPORTS_TO": ERRORS_TO, "ERROR_REPORTS_EVERY_S": str(EVERY_S)}
    with (
        own_queues(*QUEUES),
        own_flower("lesson58-flower", "operator", password) as flower,
        own_worker("lesson58", QUEUES, *options, environment=settings) as worker,
        httpx.Client(base_url=flower.url, timeout=TIMEOUT_S, trust_env=False) as pages,
    ):
        # Flower counts what it hears.  A worker's heartbeat comes every 2 s: now it hears this one.
        wait_for_metric(1, pages, "flower_worker_online", worker=worker.name)
        print(f"{' + '.join(map(str, AT_FIRST))} tasks fail")
        fail(AT_FIRST)
        look_into_flower(pages, worker.name, ("operator", password))
        watch_the_queue()
        print(f"{sum(LATER)} more tasks fail, after a pause of {EVERY_S} s")
        throttle = error_throttle(ERRORS_TO, EVERY_S)
        kinds = [kind_of(task, ValueError()) for task in FAILING]
        wait_until(lambda: not any(map(throttle.closed_s, kinds)), TIMEOUT_S, every_s=0.1)
        fail(LATER)
        read_the_reports()


def fail(times: Sequence[int]) -> None:
    """Send each failing task so many times, and wait until all have failed."""
    results = [
        task.apply_async(arguments, queue=QUEUES[0])
        for (task, arguments), number in zip(FAILING.items(), times, strict=True)
        for _ in range(number)
    ]
    for result in results:
        result.get(timeout=TIMEOUT_S, propagate=False)


def look_into_flower(pages: httpx.Client, worker: str, user: tuple[str, str]) -> None:
    """Ask for three pages, and compare a number of Flower's with what was done."""
    codes = {}
    print("Flower            without a password  with it")
    for path in ("/api/tasks", "/", "/metrics"):
        codes[path] = [pages.get(path, auth=auth).status_code for auth in (None, user)]
        print(f"{'GET ' + path:<18}{codes[path][0]:<20}{codes[path][1]}")
    # The events come a moment later than the results.
    labels = {"worker": worker, "type": "task-failed"}
    failed = wait_for_metric(sum(AT_FIRST), pages, "flower_events_total", **labels)
    print(f'flower_events_total{{type="task-failed"}} of this worker: {failed:.0f}')
    claim(failed == sum(AT_FIRST), "Flower has counted every failure")
    claim(
        codes == {"/api/tasks": [401, 200], "/": [401, 200], "/metrics": [200, 200]},
        "the numbers can be read without the password",
    )


def wait_for_metric(number: int, pages: httpx.Client, name: str, **labels: str) -> float:
    """Wait until Flower says that much, or more; return what it says in the end."""
    wait_until(lambda: metric(pages, name, **labels) >= number, TIMEOUT_S, every_s=0.1)
    return metric(pages, name, **labels)


def metric(pages: httpx.Client, name: str, **labels: str) -> float:
    """The sum of the lines on /metrics that have this name and these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [one for one in pages.get("/metrics").text.splitlines() if one.startswith(f"{name}{{")]
    return sum(float(one.split()[-1]) for one in lines if all(text in one for text in wanted))


def watch_the_queue() -> None:
    """Send more than the worker does until the alert is raised, then nothing until it is cleared.

    In a system of one's own this is a periodic task, or a rule in the monitoring.
    """
    alert, lengths = GrowthAlert(), []
    seen: dict[str, list[int]] = {}
    print(f"one look each {LOOK_EVERY_S} s, {NAPS_A_LOOK} tasks between two looks: ", end="")
    deadline = time.monotonic() + TIMEOUT_S
    while len(seen) < 2 and time.monotonic() < deadline:
        for _ in range(0 if alert.raised else NAPS_A_LOOK):
            nap.apply_async((NAP_S,), queue=QUEUES[1])
        time.sleep(LOOK_EVERY_S)
        lengths.append(get_queue_lengths().get(QUEUES[1], 0))
        if change := alert.look(lengths[-1]):
            print(*lengths, sep=", ")
            print(f"alert {change}", end="; nothing is sent any more: " if alert.raised else "\n")
            send_email.delay(ALERTS_TO, f"alert {change}: {QUEUES[1]}", f"lengths: {lengths}")
            seen[change], lengths = lengths, lengths[-1:]
    grew_by = {change: numbers[-1] - numbers[-4:][0] for change, numbers in seen.items()}
    claim(
        grew_by.get("raised", 0) > 0 > grew_by.get("cleared", 0),
        "it was raised while the queue grew, and cleared while it drained",
    )


def read_the_reports() -> None:
    """Wait for the last reports, and compare what they say with what was done."""
    failed = {task.name: sum(times) for task, *times in zip(FAILING, AT_FIRST, LATER, strict=True)}
    all_of_them = sum(failed.values())
    wait_until(lambda: told() == all_of_them, TIMEOUT_S, every_s=0.2)
    print(f"{'a ValueError in':<47}failed  e-mails  kept back")
    for name, bodies in reports().items():
        kept_back = sum(map(kept_back_in, bodies))
        print(f"{name:<47}{failed[name]:<8}{len(bodies):<9}{kept_back}")
    claim(told() == all_of_them, "every failure had an e-mail, or was counted in the next one")
    _, traceback = reports()[generate_report.name][0].split("\n\n", maxsplit=1)
    first, *_, last = traceback.splitlines()
    print(f"in a report: {first} ... {last}")
    number = len(emails(MAILBOXES, ERRORS_TO))
    print(f"{all_of_them} failures made {number} e-mails")
    claim(number < all_of_them, "a broken task does not fill the mailbox")


def reports() -> dict[str, list[str]]:
    """The texts of the reports that have come, by the name of the task."""
    found: dict[str, list[str]] = {task.name: [] for task in FAILING}
    for file in emails(MAILBOXES, ERRORS_TO):
        text = "\n".join(read_email(file).get_content().splitlines())
        found[text.split()[1]].append(text)
    return found


def told() -> int:
    """How many failures the reports speak of: their own, and those that were kept back."""
    return sum(1 + kept_back_in(text) for texts in reports().values() for text in texts)


if __name__ == "__main__":
    run_lesson(main, queues=["realworld"], extras=["mail"])
