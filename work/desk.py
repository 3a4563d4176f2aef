"""The desk of the shop: a refund is urgent, a question can wait, a report can wait longer.

The work takes as long as it is told to, so that a lesson knows what to expect.  Each piece of it
stands in the ledger, with START and END.
"""

import re

from work.ledger import Ledger
from work.naps import noted_nap

_BOOKING = re.compile(r"[A-Z]+-[0-9]{1,6}")


def check_booking(booking: object) -> str:
    """Return the reference of a booking: capital letters, a hyphen and a number.

    >>> check_booking("OSL-101")
    'OSL-101'
    >>> check_booking("osl 101")
    Traceback (most recent call last):
    ...
    ValueError: booking must be a reference such as OSL-101, got 'osl 101'
    """
    if not isinstance(booking, str) or not _BOOKING.fullmatch(booking):
        raise ValueError(f"booking must be a reference such as OSL-101, got {booking!r:.80}")
    return booking


def handle(ledger: Ledger, booking: str, seconds: float) -> float:
    """Work on one booking for so many seconds; return the seconds that it really took.

    Raises ValueError, before anything is written, for what is no reference, and unless
    0 <= seconds <= 60.
    """
    return noted_nap(ledger, check_booking(booking), seconds)
