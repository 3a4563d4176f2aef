"""Tasks that need another task, the right way and the wrong one: full_price, waiting_price."""

from typing import Any

from celery_app import app
from tasks.advanced_tasks.prices import total_price, with_fee
from work.naps import check_seconds


@app.task(bind=True)
def full_price(self: Any, price_cents: int, seats: int) -> int:
    """Return the price of several seats with the fee: full_price(12900, 2) -> 26300.

    The task hands its own id over to a chain of two others, and ends.  Whoever waits for its
    result gets that of the chain.
    """
    return self.replace(total_price.s(price_cents, seats) | with_fee.s())


@app.task(bind=True)
def waiting_price(self: Any, price_cents: int, seats: int, wait_s: float | None = None) -> int:
    """Broken on purpose: send another task, to the queue of this one, and wait for its result.

    wait_s: wait so many seconds all the same, 0 to 60; None: do as Celery says.
    Raises RuntimeError, because Celery refuses; with wait_s celery.exceptions.TimeoutError, if
    the other task was not done by then.
    """
    delivery: Any = self.request.delivery_info or {}
    other = total_price.apply_async((price_cents, seats), queue=delivery.get("routing_key"))
    if wait_s is None:
        return other.get()
    check_seconds(wait_s, "wait_s")
    return other.get(timeout=wait_s, disable_sync_subtasks=False)
