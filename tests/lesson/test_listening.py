"""Listening to events in a thread, while a lesson goes on."""

import threading
from typing import Any

import pytest

from labkit.errors import LabError
from labkit.lesson import listening as listening_module
from labkit.lesson.listening import listening


class Receiver:
    """Hears one event at once, unless it is deaf, and stops when it should."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.heard: list[dict] = []
        self.handlers = {"*": self.heard.append}
        self.should_stop = False
        self.stopped = threading.Event()
        self._deaf = deaf

    def capture(self) -> None:
        if not self._deaf:
            self.handlers["*"]({"type": "worker-heartbeat"})
        while not self.should_stop:
            threading.Event().wait(0.01)
        self.stopped.set()


def test_the_block_begins_when_something_was_heard_and_the_handlers_get_that_too():
    receiver: Any = Receiver()
    with listening(receiver):
        assert receiver.heard == [{"type": "worker-heartbeat"}]
    assert receiver.stopped.is_set()


def test_where_no_worker_reports_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr(listening_module, "LISTENS_S", 0.05)
    receiver: Any = Receiver(deaf=True)
    with pytest.raises(LabError, match="no worker reported anything"), listening(receiver):
        pass
    assert receiver.stopped.is_set()
