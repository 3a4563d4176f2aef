"""Tasks on prices, quick ones: total_price, with_fee, price_and_tell."""

from celery_app import app
from work.orders import prices


@app.task
def total_price(price_cents: int, seats: int) -> int:
    """Return what several seats cost together: total_price(12900, 2) -> 25800.

    Raises ValueError unless price_cents is 0 to 10,000,000 and seats 1 to 9.
    """
    return prices.total_cents(price_cents, seats)


@app.task
def with_fee(amount_cents: int) -> int:
    """Return the amount with the shop's fee of 500 cents added: with_fee(25800) -> 26300.

    Raises ValueError unless amount_cents is 0 to 10,000,000.
    """
    return prices.with_fee(amount_cents)


@app.task
def price_and_tell(price_cents: int, seats: int, then: dict) -> str:
    """Work out a price, and send the task `then` with the price in front of its arguments.

    then: a signature, which arrives here as the dict that it is as JSON.
    Returns the id of the task that was sent.
    Raises ValueError as total_price does, and for what is no signature; nothing is sent then.
    """
    follower = app.signature(_checked(then))
    return follower.delay(prices.total_cents(price_cents, seats)).id


def _checked(then: object) -> dict:
    """Return `then` if it has the parts of a signature; else raise ValueError."""
    parts = {"task": str, "args": list | tuple, "kwargs": dict, "options": dict}
    if not isinstance(then, dict) or not all(
        isinstance(then.get(name), kind) for name, kind in parts.items()
    ):
        raise ValueError(f"then must be a signature such as with_fee.s(), got {then!r:.80}")
    return then
