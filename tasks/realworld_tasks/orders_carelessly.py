"""Broken on purpose: the ticket order without idempotency keys, and acknowledged early.

The same workflow as in tasks/realworld_tasks/orders.py, as it is often written: nobody has asked
what happens when a worker dies, or when an answer gets lost.
"""

from celery import chain

from celery_app import app
from tasks.realworld_tasks.orders import OrderStep, partners
from tasks.shop import shop


class CarelessStep(OrderStep):
    """The same retries; but a message is forgotten before its task has begun."""

    acks_late = False  # Celery's own value


@app.task(base=CarelessStep)
def fulfil_order_carelessly(order_id: str) -> str:
    """Start the three steps of an order; return its state."""
    steps = chain(
        reserve_seats_carelessly.si(order_id),
        charge_buyer_carelessly.si(order_id),
        mail_ticket_carelessly.si(order_id),
    )
    steps.apply_async(link_error=cancel_order_carelessly.si(order_id))
    return "new"


@app.task(base=CarelessStep)
def reserve_seats_carelessly(order_id: str) -> str:
    """Let the airline hold the seats, and again if asked again."""
    from work.orders import ticket_orders

    return ticket_orders.reserve_seats(shop(), partners(keys=False), order_id)


@app.task(base=CarelessStep)
def charge_buyer_carelessly(order_id: str) -> str:
    """Let the bank take the money, and again if asked again."""
    from work.orders import ticket_orders

    return ticket_orders.charge_buyer(shop(), partners(keys=False), order_id)


@app.task(base=CarelessStep)
def mail_ticket_carelessly(order_id: str) -> str:
    """Mail the ticket, and again if asked again."""
    from work.orders import ticket_orders

    return ticket_orders.mail_ticket(shop(), partners(keys=False), order_id)


@app.task(base=CarelessStep)
def cancel_order_carelessly(order_id: str) -> str:
    """Take back what was done, once, whatever was done."""
    from work.orders import ticket_orders

    return ticket_orders.take_back(shop(), partners(keys=False), order_id)
