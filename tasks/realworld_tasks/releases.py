"""One task in three releases: a worker takes the one that SHOP_RELEASE names when it starts.

In a project of your own these are three versions of one function, in one file, one after another.
They stand side by side here so that the lesson on deploying can start workers of each.
"""

import os
from collections.abc import Callable

from celery_app import app
from tasks.noted import NotedTask
from tasks.shop import shop
from work.naps import nap

PRINTS_S = 0.2  # so that a batch of orders lasts longer than it takes to send it


def issue(order_id: str) -> bool:
    """Print the ticket of an order; False if it was issued before.  Two at once: one issues."""
    from sqlalchemy import update  # SQLAlchemy is for those who need it

    from work.database.engine import writing
    from work.database.schema import orders
    from work.orders.order_states import State

    nap(PRINTS_S)
    this = (orders.c.id == order_id) & (orders.c.state == State.NEW)
    with writing(shop()) as database:
        return database.execute(update(orders).where(this).values(state=State.MAILED)).rowcount == 1


def first_release(order_id: str) -> str:
    """Release 1: tickets are in English."""
    issue(order_id)
    return "release 1"


def second_release(order_id: str, language: str = "en") -> str:  # noqa: ARG001
    """Release 2: a ticket has a language.  A message without one is understood, too."""
    issue(order_id)
    return "release 2"


def unsafe_release(order_id: str, language: str) -> str:  # noqa: ARG001
    """Broken on purpose: as release 2, but every message must have a language."""
    issue(order_id)
    return "release 2, unsafe"


RELEASES: dict[str, Callable[..., str]] = {
    "1": first_release,
    "2": second_release,
    "unsafe": unsafe_release,
}

issue_ticket = app.task(base=NotedTask, name="tasks.realworld_tasks.releases.issue_ticket")(
    RELEASES.get(os.environ.get("SHOP_RELEASE", ""), second_release)
)
