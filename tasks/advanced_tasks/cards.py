"""Tasks that charge cards and may fail: charge_card, add_up_charges, note_failure.

run: the name of a ledger among the lab's files, LAB_FILES/ledgers/RUN.jsonl.
"""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES
from work.ledger import Ledger
from work.orders import cards


def _ledger(run: str) -> Ledger:
    return Ledger(LAB_FILES / "ledgers", run)


@app.task
def charge_card(run: str, card: str, amount_cents: int) -> int:
    """Charge a card once for each call, and return the amount in cents.

    Raises CardDeclined if the bank says no, as it does to every card ending with "declined".
    There is no retry: the bank would say no again.  Raises ValueError for wrong arguments.
    """
    return cards.charge(_ledger(run), card, amount_cents)


@app.task
def add_up_charges(amounts_cents: list[int]) -> int:
    """Add up what several charge_card tasks returned: add_up_charges([100, 200]) -> 300.

    Raises ValueError for anything else than a list of amounts.
    """
    return cards.add_up(amounts_cents)


@app.task
def note_failure(request: Any, error: Exception, _traceback: Any, run: str) -> None:
    """Write a failed task's name and error into the ledger: for link_error and on_error.

    A task with these three arguments in front is not sent as a message.  The worker calls it
    itself, directly after the failure, in the process of the task that failed.
    """
    name = request.task.rpartition(".")[2]
    _ledger(run).note("FAILED", f"{name}: {type(error).__name__}")
