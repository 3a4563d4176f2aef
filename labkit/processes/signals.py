"""Signals: clean up first, then end as the signal would have ended the program."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def clean_up_on_signals() -> None:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that `finally` runs.

    The exit code is 128 + the signal's number, as a shell reports it.  A signal that is ignored
    stays so: whoever types `nohup ./lab up` wants no SIGHUP.
    """

    def unwind(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, unwind)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Let signals wait until the end of the block, as a start that is half done cannot be undone.

    Put it inside the `try` whose `finally` undoes the block.  The processes started inside take
    signals as always.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals arrive in the main thread alone
        return
    received: list[tuple[int, FrameType | None]] = []
    before = {
        number: signal.signal(number, lambda *signal_: received.append(signal_))
        for number in STOP_SIGNALS
        if signal.getsignal(number) != signal.SIG_IGN  # nohup: what is started here ignores it too
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for came, frame in received:
        handler = before[signal.Signals(came)]
        if callable(handler):
            handler(came, frame)
        elif handler == signal.SIG_DFL:
            end_by_signal(came)


def end_by_signal(number: int) -> None:
    """End as the signal itself would have ended us: a shell sees 130 or 143."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
