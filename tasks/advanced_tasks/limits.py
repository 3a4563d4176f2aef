"""Tasks with limits: confirm_seats, import_fares, import_fares_carelessly.

run: the name of a ledger among the lab's files, LAB_FILES/ledgers/RUN.jsonl.
"""

from pathlib import Path

from celery.exceptions import SoftTimeLimitExceeded

from celery_app import app
from lab_home import LAB_FILES
from work import service_desk
from work.flights import fares
from work.ledger import Ledger


def _ledger(run: str) -> Ledger:
    return Ledger(LAB_FILES / "ledgers", run)


def _fares(run: str, partner: str) -> Path:
    return fares.file_of(LAB_FILES / "fares", run, partner)


@app.task(rate_limit="1/s")  # in each worker: the airline takes one confirmation a second
def confirm_seats(run: str, booking: str) -> float:
    """Confirm the seats of one booking with the airline, at most once a second in each worker.

    booking: a reference such as "OSL-101".  Returns the seconds that it took.
    Raises ValueError, before anything is done, for wrong arguments.
    """
    return service_desk.handle(_ledger(run), booking, 0)


# At the soft limit an exception is raised inside the task; at the hard one its process is killed.
# Real limits are minutes.
@app.task(soft_time_limit=1, time_limit=2)  # seconds
def import_fares(run: str, partner: str, rows: int) -> int:
    """Import a partner's fares, 0.05 s a row, into LAB_FILES/fares; return their number.

    At the soft limit it removes what it has written, so that nobody takes half a list for a whole
    one, and fails with SoftTimeLimitExceeded.
    partner: an airline, such as "tern".
    Raises ValueError, before anything is written, for wrong arguments (rows: 1 to 1000).
    """
    ledger, file = _ledger(run), _fares(run, partner)
    ledger.note("START", partner)
    try:
        fares.import_rows(file, rows)
    except SoftTimeLimitExceeded:
        file.unlink(missing_ok=True)
        raise
    ledger.note("END", partner)
    return rows


@app.task(soft_time_limit=1, time_limit=2)
def import_fares_carelessly(run: str, partner: str, rows: int) -> int:
    """Broken on purpose: the same, but `except Exception` skips each row that cannot be read.

    The soft limit is an exception too.  It comes in the middle of some row, is taken for a bad row,
    and the task goes on until the hard limit kills it.
    """
    ledger, file = _ledger(run), _fares(run, partner)
    ledger.note("START", partner)
    fares.import_rows_carelessly(file, rows)
    ledger.note("END", partner)
    return rows
