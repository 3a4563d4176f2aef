"""Tasks with typed arguments: book_seats."""

from typing import Any

from celery import Task
from pydantic import ValidationError

from celery_app import app
from lab_home import LAB_FILES
from work.ledger import Ledger
from work.orders import order_models
from work.orders.order_models import Booking, Order


class TypedTask(Task):
    """A task that says in one line which argument is wrong.

    The result backend keeps an exception as its type and its arguments.  A ValidationError has
    no arguments, so the caller would get an error without a reason.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task; raises ValueError for arguments that do not fit its models."""
        try:
            return super().__call__(*args, **kwargs)
        except ValidationError as error:
            raise ValueError(order_models.reasons(error)) from None


@app.task(pydantic=True, base=TypedTask)  # pydantic: the annotations below are checked
def book_seats(run: str, order: Order) -> Booking:
    """Book seats: one line in the ledger LAB_FILES/ledgers/RUN.jsonl.

    order: an Order, or the dict of its fields; as JSON it travels as that dict.
    Returns a Booking, which .get() brings as the dict of its fields.
    Raises ValueError, before anything is booked, for an order that does not fit.
    """
    return order_models.book(Ledger(LAB_FILES / "ledgers", run), order)
