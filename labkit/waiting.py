"""Wait for a condition, never for a fixed time."""

import time
from collections.abc import Callable

POLL_S = 0.02  # short beside everything that the lab waits for


def wait_until(condition: Callable[[], bool], timeout_s: float, *, every_s: float = POLL_S) -> bool:
    """Ask every 20 ms until the condition holds; False if it did not in timeout_s seconds.

    every_s: ask less often, where asking is work.

    >>> wait_until(lambda: True, timeout_s=0)
    True
    >>> wait_until(lambda: False, timeout_s=0.01)
    False
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
