"""The ticket order: reserve the seats, charge the card, mail the ticket; take it back if one fails.

    fulfil_order --> reserve_seats --> charge_buyer --> mail_ticket
                          \\_______________|_______________/  refused
                                          v
                                     cancel_order

Every task takes the id of an order, and may come twice: see work/orders/ticket_orders.py.
SQLAlchemy is imported where it is used, because a worker that only adds numbers does not need it.
"""

from celery import chain

from celery_app import app
from lab_home import LAB_HOME
from tasks.noted import NotedTask
from tasks.shop import shop
from work.orders.partner_address import answers, partners_url
from work.orders.partners import Busy, Partners

PARTNERS_FILE = LAB_HOME / "partners"  # written by work/orders/partner_address.py
START = "./lab partners"
AGAIN_AFTER_S = 30  # a healthy order takes about a second; a queue may be long


def partners_are_up() -> bool:
    """True if somebody takes connections where the partner services are."""
    url = partners_url(PARTNERS_FILE)
    return url is not None and answers(url)


class OrderStep(NotedTask):
    """How the tasks of an order are delivered."""

    acks_late = True  # when a worker has died, its message comes back after a while
    autoretry_for = (Busy,)  # this may work later.  Refused is final, WrongRequest a mistake
    max_retries = 5  # the outbox goes on after that
    retry_backoff = 1  # wait up to 1 s, then 2 s, 4 s, 8 s, 16 s
    retry_jitter = True


def partners(*, keys: bool = True) -> Partners:
    """The airline, the bank and the post.  Raises Busy if the lab's are not up.

    keys: ask them with idempotency keys.
    Their address is PARTNERS_URL, or that of the services which the lab has started.
    """
    url = partners_url(PARTNERS_FILE)
    if not url:
        raise Busy(f"the partner services are not up; start them: {START}")
    return Partners(url, keys=keys)


@app.task(base=NotedTask, acks_late=True)
def fulfil_order(order_id: str) -> str:
    """Start what an order still needs; return the order's state.

    Returns "mailed" or "cancelled", and does nothing, for an order that is over.
    Raises ValueError for an unknown order.
    """
    from work.orders import ticket_orders

    state = ticket_orders.state_of(shop(), order_id)
    if state == "undoing":
        cancel_order.delay(order_id)
    elif state not in {"mailed", "cancelled"}:
        # region chain
        # All three, wherever the order is: a step that is done already does nothing.
        steps = [reserve_seats.si(order_id), charge_buyer.si(order_id), mail_ticket.si(order_id)]
        chain(*steps).apply_async(link_error=cancel_order.si(order_id))
        # endregion
    return state


@app.task(base=OrderStep)
def reserve_seats(order_id: str) -> str:
    """Let the airline hold the seats; return the order's state.  Raises Refused, Busy."""
    from work.orders import ticket_orders

    return ticket_orders.reserve_seats(shop(), partners(), order_id)


@app.task(base=OrderStep)
def charge_buyer(order_id: str) -> str:
    """Let the bank take the money; return the order's state.  Raises Refused, Busy."""
    from work.orders import ticket_orders

    return ticket_orders.charge_buyer(shop(), partners(), order_id)


@app.task(base=OrderStep)
def mail_ticket(order_id: str) -> str:
    """Mail the ticket to the buyer; return the order's state.  Raises Refused, Busy."""
    from work.orders import ticket_orders

    return ticket_orders.mail_ticket(shop(), partners(), order_id)


@app.task(base=OrderStep)
def cancel_order(order_id: str) -> str:
    """Take back what was done for an order that a service has refused; return its state.

    It comes after any error of a step.  An order that nobody has refused is left alone: the outbox
    sends it again, after an error that passes, and after one that somebody has mended.
    """
    from work.orders import ticket_orders

    return ticket_orders.take_back(shop(), partners(), order_id)


@app.task
def send_unfinished_orders(again_after_s: float = AGAIN_AFTER_S) -> list[str]:
    """Send what the outbox holds, and again each order that is not finished; return their ids.

    An order is sent again when it neither moved nor was sent for again_after_s seconds.
    """
    from work.orders import outbox

    return outbox.send_due(shop(), app.send_task, again_after_s)
