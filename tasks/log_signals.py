"""Logging for a worker: errors into a file, and one id through everything that belongs together.

Plain Celery, to be copied.  The lab's workers leave it out; one that is started with
--include=tasks.log_signals has it, and so has a caller that imports it.
"""

import logging
from contextvars import ContextVar
from typing import Any

from celery import Task
from celery.app.log import TaskFormatter
from celery.signals import (
    after_setup_task_logger,
    before_task_publish,
    task_postrun,
    task_prerun,
)
from celery.utils.log import get_task_logger

from lab_home import LAB_HOME

ERROR_LOG = LAB_HOME / "logs" / "errors.log"
FORMAT = "%(asctime)s %(correlation_id)s %(task_name)s[%(task_id)s] %(message)s"

# Not "correlation_id": a message has a property of that name, which holds the task's own id.
HEADER = "x_correlation_id"

logger = get_task_logger(__name__)

# The id of what this process works on now: an order, a web request.  "-" while there is none.
correlation_id: ContextVar[str] = ContextVar("correlation_id", default="-")


# -- Errors into a file ------------------------------------------------------------------------
class ErrorFormatter(TaskFormatter):
    """Celery's formatter, which knows task name and id, with the correlation id added."""

    def format(self, record: logging.LogRecord) -> str:
        record.correlation_id = correlation_id.get()
        return super().format(record)


@after_setup_task_logger.connect
def write_errors_to_a_file(**_kwargs: Any) -> None:
    """Add a handler when Celery has set up its own: what comes before that, it throws away."""
    ERROR_LOG.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(ERROR_LOG)
    handler.setLevel(logging.ERROR)
    handler.setFormatter(ErrorFormatter(FORMAT, use_color=False))
    # `celery` hears of every task that fails.  What a task itself logs goes to `celery.task`,
    # which hands nothing on to `celery`.
    for name in ("celery", "celery.task"):
        logging.getLogger(name).addHandler(handler)


# -- One id from task to task ------------------------------------------------------------------
# region headers
@before_task_publish.connect
def send_the_id_along(headers: dict[str, Any], **_kwargs: Any) -> None:
    """Whoever sends a message, a web page or a task: put the id into its headers."""
    headers.setdefault(HEADER, correlation_id.get())


@task_prerun.connect
def take_the_id_over(task: Task, **_kwargs: Any) -> None:
    """Before a task runs: what it sends from now on belongs to the same id."""
    headers = task.request.headers or {}  # those that are not Celery's own
    correlation_id.set(headers.get(HEADER, "-"))
    # endregion


@task_postrun.connect
def log_the_end(state: str, **_kwargs: Any) -> None:
    """After it: one line with state and id, whatever the task itself has logged."""
    logger.info("%s %s", correlation_id.get(), state)
