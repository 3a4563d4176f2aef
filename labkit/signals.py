"""Signals: clean up first, then end as the signal would have ended the program."""

import os
import signal
from types import FrameType


def clean_up_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that `finally` runs.

    The exit code is 128 + the signal's number, as a shell reports it.
    """

    def unwind(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)


def end_by_signal(number: int) -> None:
    """End as the signal itself would have ended us: a shell sees 130 or 143."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
