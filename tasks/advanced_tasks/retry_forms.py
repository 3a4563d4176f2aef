"""One question, asked again in every way that Celery offers.  Each attempt stands in a ledger.

    retry_by_hand    self.retry(countdown=5)
    retry_doubled    self.retry(countdown=2 ** self.request.retries): 1 s, 2 s, 4 s
    retry_fixed      autoretry_for, and a delay of 2 s each time
    retry_backoff    autoretry_for, and waits of 1 s, 2 s, 4 s
    retry_jitter     the same, but each wait is drawn by chance
    retry_default    autoretry_for alone: Celery waits 180 s
    retry_swallowed  broken on purpose: `except Exception` around self.retry()

All take the same two arguments.  run: the name of a ledger, LAB_FILES/ledgers/RUN.jsonl.
ready_at: the number of the first attempt, 1 or more, that gets an answer.  All of them make
4 attempts at most (max_retries=3, which is Celery's default too), then the last NotYet remains.
For anything else as ready_at they raise ValueError, at the first attempt (but for the last one).
"""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES
from work.ledger import Ledger
from work.unreliable import NotYet, answer


def _ask(task: Any, run: str, ready_at: int) -> str:
    """Note the attempt in the ledger, and ask."""
    Ledger(LAB_FILES / "ledgers", run).note("ATTEMPT", task.name.rpartition(".")[2])
    return answer(task.request.retries + 1, ready_at)


@app.task(bind=True, max_retries=3)
def retry_by_hand(self: Any, run: str, ready_at: int) -> str:
    """Wait 5 s between attempts."""
    try:
        return _ask(self, run, ready_at)
    except NotYet as error:
        # retry() sends the message again, and raises Retry: nothing below it would run.
        raise self.retry(exc=error, countdown=5) from error


@app.task(bind=True, max_retries=3)
def retry_doubled(self: Any, run: str, ready_at: int) -> str:
    """Wait 1 s, then 2 s, then 4 s: the countdown is worked out here."""
    try:
        return _ask(self, run, ready_at)
    except NotYet as error:
        raise self.retry(exc=error, countdown=2**self.request.retries) from error


@app.task(bind=True, autoretry_for=(NotYet,), max_retries=3, default_retry_delay=2)
def retry_fixed(self: Any, run: str, ready_at: int) -> str:
    """Wait 2 s between attempts."""
    return _ask(self, run, ready_at)


@app.task(bind=True, autoretry_for=(NotYet,), max_retries=3, retry_backoff=1, retry_jitter=False)
def retry_backoff(self: Any, run: str, ready_at: int) -> str:
    """Wait 1 s, then 2 s, then 4 s: the option says so."""
    return _ask(self, run, ready_at)


@app.task(bind=True, autoretry_for=(NotYet,), max_retries=3, retry_backoff=1)
def retry_jitter(self: Any, run: str, ready_at: int) -> str:
    """Wait 0 or 1 s, then 0 to 2 s, then 0 to 4 s; retry_jitter is on unless it is set to False.

    A thousand tasks that failed together do not come back together.
    """
    return _ask(self, run, ready_at)


@app.task(bind=True, autoretry_for=(NotYet,))
def retry_default(self: Any, run: str, ready_at: int) -> str:
    """Wait as long as Celery does when nobody says how long: 180 s."""
    return _ask(self, run, ready_at)


@app.task(bind=True, max_retries=3)
def retry_swallowed(self: Any, run: str, ready_at: int) -> str:
    """Broken on purpose: retry() works by raising Retry, and here that is caught."""
    try:
        try:
            return _ask(self, run, ready_at)
        except NotYet as error:
            raise self.retry(exc=error, countdown=1) from error
    except Exception:  # noqa: BLE001  (the mistake that this task shows)
        return "ended well, it says"
