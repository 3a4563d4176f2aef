"""The ticket as the passenger gets it."""

import re

MAX_SEATS = 9  # airlines take larger groups by telephone only
_FLIGHT = re.compile(r"[A-Z]{2}[0-9]{1,4}")


def check_flight(flight: object) -> str:
    """Return a flight number: two capital letters and 1 to 4 digits.

    >>> check_flight("tl 101")
    Traceback (most recent call last):
    ...
    ValueError: flight must be a number such as TL101, got 'tl 101'
    """
    if not isinstance(flight, str) or not _FLIGHT.fullmatch(flight):
        raise ValueError(f"flight must be a number such as TL101, got {flight!r}")
    return flight


def check_seats(seats: object) -> int:
    """Return a number of seats that one order may have.

    >>> check_seats(12)
    Traceback (most recent call last):
    ...
    ValueError: seats must be 1 to 9, got 12
    """
    if type(seats) is not int or not 1 <= seats <= MAX_SEATS:  # True is an int, and no number
        raise ValueError(f"seats must be 1 to {MAX_SEATS}, got {seats!r}")
    return seats


def ticket(flight: str, seats: int) -> tuple[str, str]:
    """Return the subject and the body of the e-mail that is the ticket.

    Raises ValueError for a flight or a number of seats that cannot be.

    >>> ticket("TL101", 2)
    ('Your ticket for TL101', 'Flight: TL101\\nSeats:  2\\n\\nHave a good journey.\\n')
    """
    check_flight(flight)
    check_seats(seats)
    return (
        f"Your ticket for {flight}",
        f"Flight: {flight}\nSeats:  {seats}\n\nHave a good journey.\n",
    )
