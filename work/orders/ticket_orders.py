"""An order of tickets, from its opening to its end: reserve, charge, mail, or take all back.

Each step can be done again at any time, by anybody, also by two processes at once:
- it looks at the order's state, and does nothing for an order that is elsewhere;
- it asks a service with an idempotency key, which makes a second time harmless there;
- it writes the new state only where the old one still stands.
"""

import re
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from work.database.engine import reading, writing
from work.database.schema import flights, orders
from work.mail.emails import check_address
from work.orders import outbox
from work.orders.cards import check_card
from work.orders.order_states import State, check_move
from work.orders.partners import Partners, Refused
from work.orders.prices import check_cents, total_cents
from work.orders.tickets import check_flight, check_seats, ticket

FULFIL = "tasks.realworld_tasks.orders.fulfil_order"  # the task that an order's message is for

Ask = Callable[[dict[str, Any]], None]  # asks a company for one order, which it is given

_ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,36}")  # it travels in a header of HTTP, too


class PriceChanged(ValueError):
    """The flight has another price than the one that the buyer has seen."""


def new_order_id() -> str:
    """An id that nobody else draws: a UUID."""
    return str(uuid.uuid4())


def open_order(
    engine: Engine,
    *,
    flight: str,
    day: date,
    seats: int,
    price_cents: int,
    card: str,
    email: str,
    order_id: str = "",
    task: str = FULFIL,
) -> str:
    """Open an order; return its id.  Nothing is sent: outbox.send_due() does that.

    The order and the message that must be sent for it are written in one transaction, so there
    is no order without a message and no message without an order.
    order_id: drawn by chance if it is "".  Opened again with the same id, the order stays as it is.
    price_cents: of one seat, as the buyer has seen it.
    task: "" writes no message; then there can be an order without one.
    Raises ValueError, before anything is written, for what cannot be, and for an unknown flight;
    and PriceChanged, which is one, where the timetable has another price.
    """
    order_id = order_id or new_order_id()
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        raise ValueError(
            f"order_id must be 1 to 36 letters, digits, '.', '_' and '-', got {order_id!r:.80}"
        )
    if not isinstance(day, date):
        raise ValueError(f"day must be a date, got {day!r:.80}")
    row = {
        "id": order_id,
        "flight": check_flight(flight),
        "day": day,
        "seats": check_seats(seats),
        "price_cents": check_cents(price_cents, "price_cents"),
        "card": check_card(card),
        "email": check_address(email),
        "state": State.NEW,
    }
    try:
        with writing(engine) as database:
            if not database.scalar(select(orders.c.id).where(orders.c.id == order_id)):
                _check_price(database, row)
                database.execute(insert(orders).values(row))
                if task:
                    outbox.put(database, order_id, task, [order_id])
    except IntegrityError:  # in PostgreSQL two can open an order with one id at the same moment
        if find_order(engine, order_id) is None:
            raise
    return order_id


def _check_price(database: Connection, order: dict[str, Any]) -> None:
    """The price comes from outside, and so does everything that comes from a web page."""
    this = (flights.c.flight == order["flight"]) & (flights.c.day == order["day"])
    # Until this transaction ends, nobody gives the flight another price.
    query = select(flights.c.price_cents).where(this).with_for_update(read=True)
    price_cents = database.scalar(query)
    if price_cents is None:
        raise ValueError(f"there is no flight {order['flight']} on {order['day']}")
    if price_cents != order["price_cents"]:
        raise PriceChanged(f"the price of a seat is {price_cents} now, got {order['price_cents']}")


def find_order(engine: Engine, order_id: str) -> dict[str, Any] | None:
    """What is known of an order, or None.

    {"id": str, "flight": str, "day": date, "seats": int, "price_cents": int, "card": str,
    "email": str, "state": str, "reason": str or None, "created_at": ..., "updated_at": ...}
    """
    with reading(engine) as database:
        row = database.execute(select(orders).where(orders.c.id == order_id)).one_or_none()
    return None if row is None else dict(row._mapping)


def state_of(engine: Engine, order_id: str) -> State:
    """How far an order is.  Raises ValueError for an unknown one."""
    return State(_order(engine, order_id)["state"])


def _order(engine: Engine, order_id: str) -> dict[str, Any]:
    order = find_order(engine, order_id)
    if order is None:
        raise ValueError(f"there is no order {order_id!r:.80}")
    return order


def reserve_seats(engine: Engine, partners: Partners, order_id: str) -> State:
    """Let the airline hold the seats: new -> reserved.  Return the order's state.

    An order in any other state is left alone.  Raises Refused (the order is undoing then); Busy and
    WrongRequest (it stays as it is); and ValueError for an unknown order.
    """

    def ask(order: dict) -> None:
        partners.seats.do(order_id, flight=order["flight"], seats=order["seats"])

    return _step(engine, order_id, State.NEW, ask, State.RESERVED)


def charge_buyer(engine: Engine, partners: Partners, order_id: str) -> State:
    """Let the bank take the money: reserved -> charged.  The rest is as in reserve_seats()."""

    def ask(order: dict) -> None:
        amount_cents = total_cents(order["price_cents"], order["seats"])
        partners.cards.do(order_id, card=order["card"], amount_cents=amount_cents)

    return _step(engine, order_id, State.RESERVED, ask, State.CHARGED)


def mail_ticket(engine: Engine, partners: Partners, order_id: str) -> State:
    """Mail the ticket: charged -> mailed.  The rest is as in reserve_seats()."""

    def ask(order: dict) -> None:
        subject, body = ticket(order["flight"], order["seats"])
        partners.mails.do(order_id, to_email=order["email"], subject=subject, body=body)

    return _step(engine, order_id, State.CHARGED, ask, State.MAILED)


def take_back(engine: Engine, partners: Partners, order_id: str) -> State:
    """Undo what was done for an order that a service has refused: undoing -> cancelled.

    All of it, in the opposite order: a step may have been done without its state being written.
    After each of these errors the order is undoing still.  The rest is as in reserve_seats().
    """

    def ask(_order: dict) -> None:
        for partner in (partners.mails, partners.cards, partners.seats):
            partner.undo(order_id)

    return _step(engine, order_id, State.UNDOING, ask, State.CANCELLED)


def _step(engine: Engine, order_id: str, before: State, ask: Ask, after: State) -> State:
    """Do one step for an order in the state `before`; return the order's state then."""
    order = _order(engine, order_id)
    if order["state"] != before:
        return State(order["state"])
    try:
        ask(order)  # outside of a transaction: nobody shall wait for a slow service
    except Refused as refusal:
        if before != State.UNDOING:
            move(engine, order_id, before, State.UNDOING, reason=str(refusal)[:200])
        raise
    if move(engine, order_id, before, after):
        return after
    return state_of(engine, order_id)  # somebody else did the same, and was faster


def move(engine: Engine, order_id: str, before: State, after: State, reason: str = "") -> bool:
    """Write the state `after` if the order is in the state `before`; False if it is not any more.

    Looking and writing are one statement: of two processes that do it at once, one comes second.
    """
    check_move(before, after)
    moving = update(orders).where(orders.c.id == order_id, orders.c.state == before)
    new = {"state": after, **({"reason": reason} if reason else {})}
    with writing(engine) as database:
        return database.execute(moving.values(new)).rowcount == 1
