"""Work that takes time and needs nothing: a stand-in for a slow page or a large file."""

import asyncio
import time

from work.ledger import Ledger

MAX_NAP_S = 60  # longer than any lesson needs, shorter than anyone's patience


def nap(seconds: float) -> float:
    """Sleep, and return the seconds really slept.

    Raises ValueError unless 0 <= seconds <= MAX_NAP_S.

    >>> nap(0.01) >= 0.01
    True
    >>> nap(61)
    Traceback (most recent call last):
    ...
    ValueError: seconds must be 0 to 60, got 61
    """
    check_seconds(seconds)
    start = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - start


def check_seconds(seconds: float, what: str = "seconds") -> None:
    """Raise ValueError unless 0 <= seconds <= MAX_NAP_S.  `what` names the argument."""
    if not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_NAP_S:
        raise ValueError(f"{what} must be 0 to {MAX_NAP_S}, got {seconds!r}")


def noted_nap(ledger: Ledger, job: str, seconds: float) -> float:
    """Sleep between a START and an END line in the ledger; return the seconds really slept.

    Raises ValueError, before anything is written, unless 0 <= seconds <= MAX_NAP_S.
    """
    check_seconds(seconds)
    ledger.note("START", job)
    slept_s = nap(seconds)
    ledger.note("END", job)
    return slept_s


async def noted_sleep(ledger: Ledger, job: str, seconds: float) -> None:
    """The same as noted_nap() for asyncio: others go on meanwhile, and it can be cancelled."""
    check_seconds(seconds)
    ledger.note("START", job)
    await asyncio.sleep(seconds)
    ledger.note("END", job)
