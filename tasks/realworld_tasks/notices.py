"""Tasks that tell a buyer about an order: by the order itself, and by its id."""

from celery_app import app
from tasks.shop import shop


@app.task
def notify_by_object(order: dict) -> str:
    """Broken on purpose: tell the buyer at the address that the message holds; return it.

    What is in a message is as old as the message.
    """
    return order["email"]


@app.task
def notify_by_id(order_id: str) -> str:
    """Tell the buyer at the address that the database holds now; return it.

    Raises ValueError for an order that is not there.
    """
    from work.orders.ticket_orders import find_order  # SQLAlchemy is for those who need it

    order = find_order(shop(), order_id)
    if order is None:
        raise ValueError(f"there is no order {order_id!r:.80}")
    return order["email"]
