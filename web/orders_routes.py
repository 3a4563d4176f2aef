"""Order tickets, and ask how far an order is.

An order is a row in the shop's database, and the message that must be sent for it is another one,
written in the same transaction (work/orders/outbox.py).  So no order is lost between the two: the
request only asks a worker to look into the outbox now; if that fails, Beat does so within a minute.
The airline, the bank and the post are started by ./lab partners (lesson 61 has its own).
"""

import os
import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, HTTPException, Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from tasks.realworld_tasks import send_unfinished_orders
from tasks.realworld_tasks.orders import START, partners_are_up
from web.broker import AWAY, require_broker
from web.errors import Problem
from web.shop_database import shop_database
from work.mail.emails import check_address
from work.orders.cards import check_card
from work.orders.order_states import FINAL, State
from work.orders.prices import MAX_CENTS, check_cents
from work.orders.tickets import MAX_SEATS, check_flight, check_seats

router = APIRouter(tags=["orders"])

EXAMPLE: dict[str, JsonValue] = {
    "flight": "TL101",
    "day": "2027-05-01",
    "seats": 2,
    "price_cents": 12900,
    "card": "ada-visa",
    "email": "ada@example.com",
}


def _price(price_cents: object) -> int:
    return check_cents(price_cents, "price_cents")


def _day(day: object) -> object:
    if not isinstance(day, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day, re.ASCII):
        raise ValueError(f"day must be a date such as 2027-05-01, got {day!r:.80}")
    return day


class Order(BaseModel):
    """Seats on one flight of the timetable, at the price that the buyer has seen."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    flight: Annotated[str, AfterValidator(check_flight)]
    # Before: pydantic alone would take 0 for a date (1970), and "2", 2.0 and true for numbers.
    day: Annotated[date, BeforeValidator(_day)]
    seats: Annotated[int, BeforeValidator(check_seats), Field(ge=1, le=MAX_SEATS)]
    price_cents: Annotated[int, BeforeValidator(_price), Field(ge=0, le=MAX_CENTS)]
    card: Annotated[str, AfterValidator(check_card), Field(max_length=50)]
    email: Annotated[str, AfterValidator(check_address), Field(max_length=254)]


class OrderAccepted(BaseModel):
    """The order is in the database."""

    id: UUID = Field(description="ask for it at /orders/{id}")


class OrderState(BaseModel):
    """How far an order is.  The card stays in the database."""

    id: UUID
    flight: str
    day: date
    seats: int
    price_cents: int
    state: State = Field(description="mailed: finished.  cancelled: all of it was taken back")
    reason: str | None = Field(description="why it was taken back")
    hint: str | None = Field(None, description="what to type where the partner services are not up")


TAKEN: dict[int | str, dict[str, Any]] = {
    409: {
        "model": Problem,
        "description": "The price has changed, or the Idempotency-Key belongs to another order.",
    }
}


@router.post("/orders", status_code=202, responses=TAKEN, dependencies=[Depends(require_broker)])
def order(
    order: Order,
    response: Response,
    idempotency_key: Annotated[
        UUID | None, Header(description="becomes the order's id: the same key, the same order")
    ] = None,
) -> OrderAccepted:
    """Open an order, and answer at once; Location says where to ask for it.

    A client that got no answer asks again with the same Idempotency-Key, and orders once.
    """
    # Deferred: they import SQLAlchemy.
    from work.orders.ticket_orders import PriceChanged, find_order, open_order

    with shop_database() as engine:
        try:
            order_id = open_order(
                engine, order_id=str(idempotency_key or uuid4()), **order.model_dump()
            )
        except PriceChanged as changed:  # the buyer decides whether to order at the new one
            raise HTTPException(409, str(changed)) from None
        except ValueError as unknown:  # a flight that is not in the timetable
            raise HTTPException(422, str(unknown)) from None
        if idempotency_key and not _is(order, find_order(engine, order_id)):
            raise HTTPException(409, f"the key {order_id} belongs to another order")
    # region no_result
    with suppress(*AWAY):  # the order is written, and the outbox keeps its message
        send_unfinished_orders.apply_async(ignore_result=True)
    # endregion
    response.headers["Location"] = f"/orders/{order_id}"
    return OrderAccepted(id=UUID(order_id))


def _is(order: Order, row: dict[str, Any] | None) -> bool:
    """True if a row of the database is this very order."""
    return row is not None and all(row[name] == value for name, value in order)


KNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "No such order."}}


@router.get("/orders/{order_id}", responses=KNOWN)
def order_state(order_id: UUID) -> OrderState:
    """How far an order is."""
    from work.orders.ticket_orders import find_order

    with shop_database() as engine:
        found = find_order(engine, str(order_id))
    if found is None:
        raise HTTPException(404, f"there is no order {order_id}")
    waits = found["state"] not in FINAL and not partners_are_up()
    named = os.environ.get("PARTNERS_URL")
    away = "printenv PARTNERS_URL" if named else START
    return OrderState(**found, hint=away if waits else None)
