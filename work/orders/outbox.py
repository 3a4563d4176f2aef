"""The outbox: messages that are written together with the data that they are about.

A program that commits an order and then sends its message can die in between, and the order waits
for ever.  One that sends first can die as well, or the worker is faster than the commit.  So the
message is a row, written by the transaction that writes the order.  Somebody else reads these rows,
sends them, and sends them again as long as the order is not finished.

That is at least once: a message can come twice, and the work must bear that.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from work.database.engine import reading, writing
from work.database.schema import now, orders, outbox
from work.orders.order_states import FINAL

MANY = 1000  # messages that are sent in one go; the next go comes soon
MOST_DOUBLINGS = 6  # 64 times the first wait; a person should have looked by then


def put(database: Connection, order_id: str, task: str, arguments: list) -> None:
    """Write down, within a transaction, that a task must be sent because of an order."""
    database.execute(insert(outbox).values(order_id=order_id, task=task, arguments=arguments))


def note_sent(engine: Engine, order_ids: list[str]) -> None:
    """Write down that the messages of these orders were sent, by whoever did that itself.

    A shop may send right after its commit, which is quicker than waiting for the outbox.
    """
    these = outbox.c.order_id.in_(order_ids)
    with writing(engine) as database:
        database.execute(
            update(outbox).where(these).values(sent_at=now(), times_sent=outbox.c.times_sent + 1)
        )


def send_due(
    engine: Engine, send: Callable[[str, list], object], again_after_s: float, limit: int = MANY
) -> list[str]:
    """Send what was never sent, and again what did not help; return the orders it was sent for.

    send: called with the name of a task and its arguments.  What it raises ends the sending;
        what was not sent then is due at the next call.
    again_after_s: an order that is not finished, and neither moved nor was sent for so long, is
        sent again; then after twice as long, and so on.  If the queue is long, or a service down,
        more messages make it worse.
    """
    sent = []
    for row in _due(engine, again_after_s, limit):
        if _claim(engine, row):
            try:
                send(row.task, row.arguments)
            except Exception:
                _give_back(engine, row)
                raise
            sent.append(row.order_id)
    return sent


def unfinished(engine: Engine) -> list[str]:
    """The orders that are neither finished nor taken back."""
    with reading(engine) as database:
        return list(database.scalars(select(orders.c.id).where(orders.c.state.not_in(FINAL))))


def _due(engine: Engine, again_after_s: float, limit: int) -> list[Row]:
    moment = now()
    waited = orders.c.updated_at < moment - timedelta(seconds=again_after_s)
    perhaps = (
        select(outbox)
        .join(orders, orders.c.id == outbox.c.order_id)
        .where(orders.c.state.not_in(FINAL), or_(outbox.c.sent_at.is_(None), waited))
        .order_by(outbox.c.id)
    )
    with reading(engine) as database:
        rows = list(database.execute(perhaps))
    due = [row for row in rows if row.sent_at is None or moment >= _again_at(row, again_after_s)]
    return due[:limit]


def _again_at(row: Row, again_after_s: float) -> datetime:
    """When a message that was sent must be sent again: after 1, 2, 4, ... times again_after_s."""
    doublings = min(row.times_sent - 1, MOST_DOUBLINGS)
    return row.sent_at + timedelta(seconds=again_after_s * 2**doublings)


def _claim(engine: Engine, row: Row) -> bool:
    """Write that it is sent, before it is: of two processes that send at once, one does.

    Whoever dies between that and the sending has lost a message.  It is due again later.
    """
    this = (outbox.c.id == row.id) & (outbox.c.times_sent == row.times_sent)
    claiming = update(outbox).where(this).values(sent_at=now(), times_sent=row.times_sent + 1)
    with writing(engine) as database:
        return database.execute(claiming).rowcount == 1


def _give_back(engine: Engine, row: Row) -> None:
    this = (outbox.c.id == row.id) & (outbox.c.times_sent == row.times_sent + 1)
    with writing(engine) as database:
        database.execute(
            update(outbox).where(this).values(sent_at=row.sent_at, times_sent=row.times_sent)
        )
