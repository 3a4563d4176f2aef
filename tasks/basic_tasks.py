"""The tasks of the basic level: add, multiply, divide, word_counts, nap, and a few that report.

A task is a thin shell: it gives an ordinary function a name on the queue.
Work worth testing on its own lives in work/, which never imports Celery.

Arguments and results cross the broker as JSON: numbers, strings, lists and
dicts only.  Durations are seconds.  What a task raises is stored, and raised
again in the caller by .get().
"""

import os
from datetime import UTC, datetime
from typing import Any

from celery.utils.log import get_task_logger

from celery_app import app
from lab_home import LAB_FILES
from work import folders, naps, text, unreliable, values
from work.ledger import Ledger

logger = get_task_logger(__name__)


@app.task
def add(x: float, y: float) -> float:
    """Return x + y: add(2, 3) -> 5."""
    return x + y


@app.task
def multiply(x: float, y: float) -> float:
    """Return x * y: multiply(2, 3) -> 6."""
    return x * y


@app.task
def divide(x: float, y: float) -> float:
    """Return x / y: divide(6, 3) -> 2.0.  divide(1, 0) is the task that fails on demand.

    Raises ZeroDivisionError if y is 0.
    """
    return x / y


@app.task
def word_counts(document: str) -> dict[str, int]:
    """Count the words of one document (the text itself, not a path).

    Returns {word: count}, most frequent first; {} for an empty document:
    word_counts("to be or not to be") -> {"to": 2, "be": 2, "or": 1, "not": 1}
    """
    return text.word_counts(document)


@app.task(bind=True)  # bind: the task gets itself as `self`, and with it the current request
def word_counts_of_all(self: Any, documents: list[str], pause_s: float = 0) -> dict[str, int]:
    """Count the words of several documents together, and report how far it is.

    Its state is PROGRESS with {"done": documents done, "total": documents} until it ends.
    pause_s: rest after each document, because real documents are larger.
    Raises ValueError unless 0 <= pause_s <= 60.
    """

    def report(done: int, total: int) -> None:
        # Called as a plain function there is no id, and nobody to report to.
        if not self.request.called_directly:
            self.update_state(state="PROGRESS", meta={"done": done, "total": total})
        if done:
            naps.nap(pause_s)

    naps.check_seconds(pause_s, "pause_s")
    return text.word_counts_of_all(documents, report)


@app.task
def nap(seconds: float) -> float:
    """Keep one worker slot busy, and return the seconds really slept.

    Raises ValueError unless 0 <= seconds <= 60.
    """
    return naps.nap(seconds)


@app.task
def noted_nap(run: str, job: str, seconds: float) -> float:
    """The same as nap(), with a START and an END line for `job` in the ledger of `run`.

    The ledger is LAB_FILES/ledgers/RUN.jsonl.  Raises ValueError unless 0 <= seconds <= 60.
    """
    return naps.noted_nap(Ledger(LAB_FILES / "ledgers", run), job, seconds)


@app.task
def greet(name: str) -> str:
    """Write a greeting to the worker's log, and return it: greet("Ada") -> "hello, Ada"."""
    greeting = f"hello, {name}"
    # A task logger adds the task's name and id to every line.
    logger.info(greeting)
    return greeting


@app.task
def print_greeting(name: str) -> str:
    """The same as greet(), with print() in place of the logger.

    A worker turns what is printed into log lines of level WARNING, without task name and id.
    """
    greeting = f"hello, {name}"
    print(greeting)
    return greeting


@app.task
def describe(value: Any) -> str:
    """Tell what the argument is here, its type and its value: describe([1, 2]) -> "list [1, 2]"."""
    return values.described(value)


@app.task(bind=True, max_retries=9)  # 10 attempts in all, more than any lesson asks for
def ask_until_ready(self: Any, ready_at: int, wait_s: float = 1) -> str:
    """Ask a service that answers at attempt number `ready_at`; wait wait_s between attempts.

    Returns "answered at attempt 2" for ready_at=2.
    Raises work.unreliable.NotYet if the last attempt was still too early, ValueError unless
    ready_at is at least 1 and wait_s 0 to 60.
    """
    naps.check_seconds(wait_s, "wait_s")
    try:
        return unreliable.answer(self.request.retries + 1, ready_at)
    except unreliable.NotYet as error:
        # Puts a message with the same id on the queue again, and ends this attempt.
        raise self.retry(exc=error, countdown=wait_s) from error


@app.task(bind=True)
def whoami(self: Any) -> dict[str, Any]:
    """Tell who runs this: {"pid": int, "worker": "lab1@host", "queue": "basic"}.

    Called as a plain function there is no worker and no queue: both are None.
    """
    delivery = self.request.delivery_info or {}
    return {
        "pid": os.getpid(),
        "worker": self.request.hostname,
        "queue": delivery.get("routing_key"),
    }


@app.task
def periodic_task() -> dict[str, Any]:
    """Beat sends this every 30 s.  Returns {"time": "2026-01-31T07:30:00+00:00", "files": 12}."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": folders.disk_use(LAB_FILES)["files"],
    }


@app.task
def daily_task() -> dict[str, Any]:
    """Beat sends this at 02:00: how much room the lab's files take.  It goes to the log, too.

    Returns {"date": "2026-01-31", "files": int, "size_bytes": int, "free_bytes": int}.
    """
    use = folders.disk_use(LAB_FILES)
    logger.info("%(files)s files take %(size_bytes)s bytes, %(free_bytes)s bytes are free", use)
    return {"date": datetime.now(UTC).date().isoformat(), **use}
