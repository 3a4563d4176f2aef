"""Tasks that tell how often they were delivered: print_ticket, charge_order, and their twins.

run: the name of a ledger among the lab's files, LAB_FILES/ledgers/RUN.jsonl.
order: the order that the task is about, such as "TL-7".
"""

from celery import Task

from celery_app import app
from lab_home import LAB_FILES
from work.ledger import Delivery, Ledger
from work.naps import nap, noted_nap
from work.orders.charges import Charges

RECEIPT_S = 0.08  # to write a receipt; real work takes longer, but 200 orders must fit


def _ledger(task: Task, run: str) -> Ledger:
    """The ledger of a run; its lines say which message, and which worker, it was."""
    request = task.request
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    delivery = Delivery(request.id or "", request.hostname or "", redelivered)
    return Ledger(LAB_FILES / "ledgers", run, delivery)


# The retries are for workers with the setting task_retry_on_worker_lost (./lab matrix).  Without
# default_retry_delay the next run would come 180 s later.
@app.task(bind=True, max_retries=2, default_retry_delay=1)  # seconds
def print_ticket(self: Task, run: str, order: str, seconds: float) -> float:
    """Print the ticket of one order, which takes so many seconds; return what it really took.

    Raises ValueError, before anything is done, unless 0 <= seconds <= 60.
    """
    return noted_nap(_ledger(self, run), order, seconds)


@app.task(bind=True, acks_late=True)
def print_ticket_late(self: Task, run: str, order: str, seconds: float) -> float:
    """Print a ticket; acknowledged after that, whatever the worker's settings say."""
    return noted_nap(_ledger(self, run), order, seconds)


# It needs acks_late, too: a message that is acknowledged cannot go back.
@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def print_ticket_requeued(self: Task, run: str, order: str, seconds: float) -> float:
    """Print a ticket; if its process is killed, the message goes back into the queue."""
    return noted_nap(_ledger(self, run), order, seconds)


@app.task(bind=True, retry_on_worker_lost=True, max_retries=2, default_retry_delay=1)  # seconds
def print_ticket_retried(self: Task, run: str, order: str, seconds: float) -> float:
    """Print a ticket; if its process is killed, try again, twice at most."""
    return noted_nap(_ledger(self, run), order, seconds)


@app.task(bind=True, acks_late=True)  # it may run twice: the key makes this harmless
def charge_order(self: Task, run: str, order: str, amount_cents: int) -> bool:
    """Charge the card of an order once, however often the task runs; False if it was charged.

    The key is made from the order, not from the task's id: so a second message for the same
    order, sent by mistake, changes nothing either.
    Raises ValueError for what is no amount; nothing is charged then.
    """
    ledger = _ledger(self, run)
    ledger.note("START", order)
    charges = Charges(LAB_FILES / "charges", run)
    charged = charges.charge_once(f"pay-{order}", order, amount_cents)
    if charged:
        ledger.note("EFFECT", order)  # killed before this line, the charge is there without it
    nap(RECEIPT_S)
    ledger.note("END", order)
    return charged


@app.task(bind=True, acks_late=True)
def charge_order_carelessly(self: Task, run: str, order: str, amount_cents: int) -> bool:
    """Broken on purpose: the same, but it charges the card each time that it runs."""
    ledger = _ledger(self, run)
    ledger.note("START", order)
    Charges(LAB_FILES / "charges", run).charge(order, amount_cents)
    ledger.note("EFFECT", order)
    nap(RECEIPT_S)
    ledger.note("END", order)
    return True
