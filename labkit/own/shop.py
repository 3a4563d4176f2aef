"""A shop of a lesson's own: a database that is there while it runs, and gone when it ends."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lab_home import LAB_FILES
from labkit.processes.start import child_environment
from labkit.waiting import wait_until

if TYPE_CHECKING:
    from sqlalchemy import Engine

FLIGHT = "TL45"
DAY = date(2027, 5, 1)
ORDER: dict[str, Any] = {
    **{"flight": FLIGHT, "day": DAY, "seats": 1, "price_cents": 9900},
    **{"card": "ada-visa", "email": "ada@example.com"},
}


LOOK_S = 0.2  # between two looks into an outbox; a real shop takes seconds
WAIT_S = 120  # what is waited for takes seconds; the rest is room for a busy machine


@dataclass(frozen=True)
class OwnShop:
    """A shop with one flight, TL45 on 1 May 2027."""

    engine: "Engine"
    url: str

    def environment(self) -> dict[str, str]:
        """What a worker must find in its environment to use it."""
        return {"DATABASE_URL": self.url}

    def run(self, script: Path, *arguments: str) -> None:
        """Run a program of this shop's, and wait for its end, whatever that is."""
        command = [sys.executable, str(script), *arguments]
        subprocess.run(command, env=child_environment(**self.environment()), check=False)

    def change_email(self, order_id: str, email: str) -> None:
        """Correct the address of an order's buyer."""
        from sqlalchemy import update

        from work.database.engine import writing
        from work.database.schema import orders

        with writing(self.engine) as database:
            database.execute(update(orders).where(orders.c.id == order_id).values(email=email))

    def states(self) -> dict[str, str]:
        """{order: how far it is}, of all orders."""
        from sqlalchemy import select

        from work.database.engine import reading
        from work.database.schema import orders

        with reading(self.engine) as database:
            rows = database.execute(select(orders.c.id, orders.c.state))
            return {order: state for order, state in rows}  # noqa: C416  (a Row is no pair to mypy)

    def messages(self, order_id: str) -> int:
        """How many messages of an order the outbox holds, sent or not."""
        from sqlalchemy import func, select

        from work.database.engine import reading
        from work.database.schema import outbox

        counting = select(func.count()).where(outbox.c.order_id == order_id)
        with reading(self.engine) as database:
            return database.scalar(counting) or 0

    def read_outbox(
        self,
        send: Callable[[str, list], object],
        again_after_s: float,
        until: Callable[[], bool] | None = None,
    ) -> list[str]:
        """Send what is due, again and again, as a periodic task does in a real shop.

        send, again_after_s: as for outbox.send_due().
        until: ends it; without one it ends when no order is unfinished.
        Returns the orders that it has sent for, in that order.
        """
        from work.orders import outbox

        sent: list[str] = []

        def look() -> bool:
            sent.extend(outbox.send_due(self.engine, send, again_after_s))
            return until() if until else not outbox.unfinished(self.engine)

        wait_until(look, WAIT_S, every_s=LOOK_S)
        return sent


@contextmanager
def own_shop(name: str) -> Iterator[OwnShop]:
    """Make a shop in an SQLite file of its own; put it around the workers."""
    from sqlalchemy import insert

    from work.database.engine import create_tables, engine_for, writing
    from work.database.schema import flights

    path = LAB_FILES / f"{name}-{time.time_ns()}.sqlite"
    url = f"sqlite:///{quote(str(path))}"
    shop = OwnShop(engine_for(url), url)
    try:
        create_tables(shop.engine)
        with writing(shop.engine) as database:
            row = {"flight": FLIGHT, "day": DAY, "origin": "AMS", "destination": "LIS"}
            more = {"departs": "07:30", "seats": 300, "price_cents": 9900, "source": name}
            database.execute(insert(flights).values(row | more))
        yield shop
    finally:
        shop.engine.dispose()
        for file in path.parent.glob(f"{path.name}*"):  # SQLite leaves two files beside it
            file.unlink(missing_ok=True)


def open_one(engine: "Engine", order_id: str, task: str, **changes: Any) -> None:
    """Open an order for one seat in such a shop; task, changes: as in open_order of work.orders."""
    from work.orders.ticket_orders import open_order

    open_order(engine, order_id=order_id, task=task, **ORDER | changes)


def open_many(engine: "Engine", order_ids: list[str], task: str) -> None:
    """Open orders for one seat each, and write their messages, in one transaction."""
    from sqlalchemy import insert

    from work.database.engine import writing
    from work.database.schema import orders
    from work.orders import outbox

    with writing(engine) as database:
        database.execute(insert(orders), [{"id": one} | ORDER for one in order_ids])
        for one in order_ids:
            outbox.put(database, one, task, [one])
