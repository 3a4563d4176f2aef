"""The desk of the shop: a refund is urgent, a question can wait, a report can wait longer.

The work takes as long as it is told to, so that a lesson knows what to expect.  Each piece of it
stands in the ledger, with START and END.
"""

import re
import time

from work.ledger import Ledger
from work.naps import noted_nap

APPROVAL_S = 60  # nobody waits longer for a colleague
POLL_S = 0.05
_BOOKING = re.compile(r"[A-Z]+-[0-9]{1,6}")


class NotApproved(Exception):
    """No colleague has approved in time."""


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


def wait_for_approval(ledger: Ledger, booking: str, timeout_s: float = APPROVAL_S) -> float:
    """Wait until a colleague has written APPROVED for this booking; return the seconds waited.

    Raises NotApproved after timeout_s seconds, and ValueError for what is no reference.
    """
    check_booking(booking)
    ledger.note("START", booking)
    start = time.monotonic()
    while not ledger.find("APPROVED", booking):
        if time.monotonic() - start > timeout_s:
            raise NotApproved(f"nobody approved {booking} in {timeout_s} s")
        time.sleep(POLL_S)
    ledger.note("END", booking)
    return time.monotonic() - start
