"""Listening to events while a lesson goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery.events import EventReceiver

from labkit.errors import LabError
from labkit.waiting import wait_until

LISTENS_S = 30  # a worker that is asked for its heartbeat reports in milliseconds
ENDS_S = 5  # it looks once a second whether it should stop


@contextmanager
def listening(receiver: EventReceiver) -> Iterator[None]:
    """Let a receiver capture events in a thread while the block runs.

    The block begins when it hears: it asks all workers for a heartbeat, and one has answered.
    So it needs a handler for that, or for "*".
    Raises LabError if none did in LISTENS_S seconds.
    """
    heard = threading.Event()

    def heard_by(handler: Callable[[dict], object]) -> Callable[[dict], None]:
        def hear(event: dict) -> None:
            heard.set()
            handler(event)

        return hear

    receiver.handlers = {kind: heard_by(one) for kind, one in receiver.handlers.items()}
    thread = threading.Thread(target=receiver.capture, daemon=True)
    thread.start()
    try:
        if not wait_until(heard.is_set, LISTENS_S, as_long_as=thread.is_alive):
            raise LabError(f"no worker reported anything in {LISTENS_S} s", "./lab status")
        yield
    finally:
        receiver.should_stop = True
        thread.join(ENDS_S)
