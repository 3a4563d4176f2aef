"""Report errors by e-mail: the traceback of a task that has failed, and never a flood of them.

Plain Celery, to be copied.  The lab's workers leave it out.  A worker has it that is started with
--include=tasks.error_reports and with an address in its environment:

    ERROR_REPORTS_TO       errors@example.com
    ERROR_REPORTS_EVERY_S  one report of a kind in so many seconds; 60 if it is not set
"""

import os
import socket
from typing import Any

import redis
from celery import Task
from celery.signals import task_failure

from lab_home import REDIS_URL
from tasks.realworld_tasks.mail import send_email
from work.error_report import Failure, compose_report
from work.throttle import Throttle

EVERY_S = 60  # a broken task fails a thousand times a minute; who would read a thousand e-mails?
ANSWER_S = 2  # seconds for Redis; a slot must not wait for its own report

TO = os.environ.get("ERROR_REPORTS_TO", "")


def error_throttle(to_email: str, every_s: float) -> Throttle:
    """The throttle that all workers with this address share.  It connects when it is asked."""
    client = redis.Redis.from_url(
        REDIS_URL, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S
    )
    return Throttle(client, f"error reports to {to_email}", every_s)


def kind_of(task: Task, exception: BaseException) -> str:
    """What counts as the same error: the task, and the class of the exception."""
    return f"{task.name} {type(exception).__name__}"


throttle = error_throttle(TO, float(os.environ.get("ERROR_REPORTS_EVERY_S", EVERY_S)))


@task_failure.connect
def report_failure(
    sender: Task, task_id: str, exception: BaseException, einfo: Any, **_kwargs: Any
) -> None:
    """After the last attempt of a task has failed: its pool process calls this.

    Where that process was killed, the worker calls it, with WorkerLostError.
    A retry is no failure yet.  An e-mail that cannot be sent has no report: it would be an e-mail.
    """
    if not TO or sender.name == send_email.name:
        return
    kept_back = throttle.admit(kind_of(sender, exception))
    if kept_back is None:
        return
    worker = sender.request.hostname or socket.gethostname()
    error = type(exception).__name__
    failure = Failure(sender.name, error, task_id, worker, einfo.traceback)
    # By a task: where the mail server is busy, this slot goes on, and the report is sent later.
    send_email.delay(TO, *compose_report(failure, kept_back))
