"""Prices.  Money is counted in whole cents, because 0.1 + 0.2 is not 0.3 in a computer."""

from work.orders.tickets import check_seats

MAX_CENTS = 10_000_000  # 100,000 euros: more than any flight costs
FEE_CENTS = 500  # what the shop takes for one order


def check_cents(cents: object, what: str) -> int:
    """Return an amount of money.  `what` names the argument, for the error message.

    >>> check_cents(12.5, "price_cents")
    Traceback (most recent call last):
    ...
    ValueError: price_cents must be a whole number, 0 to 10000000, got 12.5
    """
    if type(cents) is not int or not 0 <= cents <= MAX_CENTS:
        raise ValueError(f"{what} must be a whole number, 0 to {MAX_CENTS}, got {cents!r}")
    return cents


def total_cents(price_cents: int, seats: int) -> int:
    """Return what several seats cost together.

    >>> total_cents(12900, 2)
    25800
    """
    return check_cents(price_cents, "price_cents") * check_seats(seats)


def with_fee(amount_cents: int, fee_cents: int = FEE_CENTS) -> int:
    """Return the amount with the shop's fee added.

    >>> with_fee(25800)
    26300
    """
    return check_cents(amount_cents, "amount_cents") + check_cents(fee_cents, "fee_cents")
