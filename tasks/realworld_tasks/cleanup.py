"""Tasks that Beat sends: cleanup_files, and count_stock, which may not overlap itself."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from celery import Task
from redis.exceptions import LockNotOwnedError
from redis.lock import Lock

from celery_app import app
from lab_home import LAB_FILES, REDIS_URL
from work import cleanup
from work.ledger import Ledger
from work.naps import check_seconds, noted_nap

MIN_LOCK_S = 1  # 0 would be a lock without an end


@app.task
def cleanup_files(folder: str, older_than_s: float, dry_run: bool = True) -> dict:
    """Remove the files of one folder that nobody has changed for so many seconds.

    folder: among the lab's files, such as "reports".  Symbolic links are not followed.
    dry_run: True (so it is, unless you say otherwise) removes nothing, and returns the same.

    Returns {"removed": [paths], "size_bytes": int, "dry_run": bool}.
    Raises ValueError for a folder that is missing or leads outside, and for an age below 1 s.
    """
    return cleanup.clean_up(LAB_FILES, folder, older_than_s, dry_run=dry_run)


@app.task(bind=True)
def count_stock(self: Task, run: str, seconds: float, lock_s: float | None = None) -> str:
    """Count the tickets that are left, which takes so many seconds; return "done" or "skipped".

    run: a ledger among the lab's files.
    lock_s: None counts whoever else is counting.  A number: only whoever gets the lock counts,
        and the lock ends by itself after so many seconds, so that a killed worker frees it.
    Raises ValueError, before anything is done, unless seconds are 0 to 60 and lock_s 1 to 60.
    """
    check_seconds(seconds)
    ledger, job = Ledger(LAB_FILES / "ledgers", run), str(self.request.id)
    if lock_s is None:
        noted_nap(ledger, job, seconds)
        return "done"
    check_seconds(lock_s, "lock_s")
    if lock_s < MIN_LOCK_S:
        raise ValueError(f"lock_s must be at least {MIN_LOCK_S}, got {lock_s!r}")
    # region skip
    with only_one(run, lock_s) as lock:
        if not lock:
            ledger.note("SKIP", job)
            return "skipped"
        noted_nap(ledger, job, seconds)  # the work
        if not lock.owned():  # it has expired meanwhile
            ledger.note("LOST", job)
    return "done"
    # endregion


@contextmanager
def only_one(name: str, lock_s: float) -> Iterator[Lock | None]:
    """The lock of this name while the block runs; None if somebody else has it.

    It is one key in Redis with an expiry, lock_s seconds, and in it a word that only its owner
    knows.
    """
    with redis.Redis.from_url(REDIS_URL) as client:
        lock = client.lock(f"celery_learning:lock:{name}", timeout=lock_s)
        if not lock.acquire(blocking=False):
            yield None
            return
        try:
            yield lock
        finally:
            with suppress(LockNotOwnedError):  # it has expired: by now it may be somebody else's
                lock.release()
