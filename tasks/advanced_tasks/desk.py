"""Tasks of the shop's desk: refund_seats, answer_question, report_sales, get_approval.

run: the name of a ledger among the lab's files, LAB_FILES/ledgers/RUN.jsonl.  booking: a reference
such as "OSL-101".  seconds: how long the work takes, 0 to 60.
They return the seconds that it really took.  They raise ValueError, before anything is done, for
wrong arguments.
"""

from celery_app import app
from lab_home import LAB_FILES
from work import service_desk
from work.ledger import Ledger


def _handle(run: str, booking: str, seconds: float) -> float:
    return service_desk.handle(Ledger(LAB_FILES / "ledgers", run), booking, seconds)


@app.task
def refund_seats(run: str, booking: str, seconds: float = 0) -> float:
    """Give a customer the money back.  The customer stands at the desk: urgent."""
    return _handle(run, booking, seconds)


@app.task
def answer_question(run: str, booking: str, seconds: float = 0) -> float:
    """Answer a letter.  The customer waits at home: it can wait a little."""
    return _handle(run, booking, seconds)


@app.task
def report_sales(run: str, booking: str, seconds: float = 0) -> float:
    """Put one booking into the report of the day.  There are many, and nobody waits for them."""
    return _handle(run, booking, seconds)


@app.task
def get_approval(run: str, booking: str) -> float:
    """Wait for a colleague, who writes APPROVED for this booking into the ledger.

    Raises NotApproved after 60 s.
    """
    return service_desk.wait_for_approval(Ledger(LAB_FILES / "ledgers", run), booking)
