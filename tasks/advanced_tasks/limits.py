"""Tasks with limits: confirm_seats.

run: the name of a ledger among the lab's files, LAB_FILES/ledgers/RUN.jsonl.
"""

from celery_app import app
from lab_home import LAB_FILES
from work import desk
from work.ledger import Ledger


def _ledger(run: str) -> Ledger:
    return Ledger(LAB_FILES / "ledgers", run)


@app.task(rate_limit="1/s")  # in each worker: the airline takes one confirmation a second
def confirm_seats(run: str, booking: str) -> float:
    """Confirm the seats of one booking with the airline, at most once a second in each worker.

    booking: a reference such as "OSL-101".  Returns the seconds that it took.
    Raises ValueError, before anything is done, for wrong arguments.
    """
    return desk.handle(_ledger(run), booking, 0)
