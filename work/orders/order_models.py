"""What an order must be, and what its buyer gets: models with types, checked by pydantic.

A model is a class whose fields have types.  Making one checks and converts everything at once:
Order(flight="TL101", seats=12) raises an error that names the field.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from work.ledger import Ledger
from work.orders.prices import check_cents, total_cents
from work.orders.tickets import check_flight, check_seats


def _check_price(price_cents: int) -> int:
    return check_cents(price_cents, "price_cents")


class Order(BaseModel):
    """Seats on one flight, at the price the buyer has seen.

    >>> Order(flight="TL101", seats=2, price_cents=12900).model_dump()
    {'flight': 'TL101', 'seats': 2, 'price_cents': 12900}
    """

    model_config = ConfigDict(extra="forbid")  # a misspelled field is an error, and not left out

    flight: Annotated[str, AfterValidator(check_flight)]
    seats: Annotated[int, AfterValidator(check_seats)]
    price_cents: Annotated[int, AfterValidator(_check_price)]


class Booking(BaseModel):
    """What the buyer gets: the order, and what it costs in all."""

    order: Order
    total_cents: int


def book(ledger: Ledger, order: Order) -> Booking:
    """Write the seats into the ledger, and return the booking."""
    ledger.note("BOOKED", f"{order.seats} seats on {order.flight}")
    return Booking(order=order, total_cents=total_cents(order.price_cents, order.seats))


def reasons(error: ValidationError) -> str:
    """Put the reasons of a pydantic error into one line.

    >>> try:
    ...     Order(flight="TL101", seats=12)
    ... except ValidationError as error:
    ...     print(reasons(error))
    seats must be 1 to 9, got 12; price_cents: Field required
    """
    lines = []
    for found in error.errors():
        cause = found.get("ctx", {}).get("error")  # what one of our own checks raised
        field = ".".join(map(str, found["loc"])) or error.title
        lines.append(str(cause) if cause else f"{field}: {found['msg']}")
    return "; ".join(lines)
