"""Wait for a condition, never for a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

POLL_S = 0.02  # short beside everything that the lab waits for

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")


def wait_until(
    condition: Callable[[], T],
    timeout_s: float,
    *,
    every_s: float = POLL_S,
    as_long_as: Callable[[], bool] = lambda: True,
) -> T:
    """Ask every 20 ms until the condition gives something true, for timeout_s seconds at most.

    Returns what it gave last: something false if it did not hold in time.
    every_s: ask less often, where asking is work.
    as_long_as: wait no longer when this is false, such as when a program has ended.

    >>> wait_until(lambda: "here", timeout_s=0)
    'here'
    >>> wait_until(lambda: False, timeout_s=0.01)
    False
    >>> wait_until(lambda: None, timeout_s=float("inf"), as_long_as=lambda: False)
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()) and as_long_as() and time.monotonic() <= deadline:
        time.sleep(every_s)
    return value


class Later(Generic[T]):
    """A call that runs in a thread; until(deadline, ...) gives what it returned."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._error: Exception | None = None
        # A daemon, so that a worker that answers late does not keep the command from ending.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._call()
        except Exception as error:  # noqa: BLE001 - it is raised again by until()
            self._error = error

    def until(self, deadline: float, otherwise: Otherwise) -> T | Otherwise:
        """Wait for the value until `deadline` (time.monotonic()), then give `otherwise`.

        Raises what the call raised.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            return otherwise
        if self._error:
            raise self._error
        return self._value
