"""The last tasks that the workers' events told of, since this feed was started.

Events are messages that nobody keeps: who does not listen when one is sent never learns of it.
So the feed knows nothing of tasks that ended before it began.
"""

import heapq
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError

KEPT_TASKS = 500  # more than any terminal shows
KEPT_NAMES = 10_000
AGAIN_S = 0.1  # after something that is no event
LAST_S = 1e11  # seconds since 1970, about the year 5100: what a clock can show
STOP_TIMEOUT_S = 2.0  # the thread looks once a second whether it should stop


@dataclass(frozen=True)
class SeenTask:
    """A task as the last event about it left it."""

    at: float  # seconds since 1970
    state: str
    name: str
    task_id: str
    worker: str


class EventFeed:
    """Listens in a thread until stop(), or until the broker is gone (`ended`).

    unread: how many messages on the channel of events could not be read as events.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.since = time.time()
        self.ended = False
        self.unread = 0
        self._names: dict[str, str] = {}
        self._state = app.events.State(max_tasks_in_memory=KEPT_TASKS)
        self._receiver: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                # region receive
                with self.app.connection_for_read() as connection:
                    self._receiver = self.app.events.Receiver(connection, {"*": self._note})
                    # It must not come back by itself: by then another server may listen there.
                    self._receiver.connect_max_retries = 1
                    self._receiver.on_decode_error = self._refuse
                    self._receiver.capture(wakeup=False)
                # endregion
            except (OSError, redis.RedisError, OperationalError):
                break  # the broker is gone: the monitor says so, and starts another feed
            except Exception:  # noqa: BLE001 - anybody can publish anything; what then breaks varies
                self.unread += 1
                self._stopped.wait(AGAIN_S)
        self.ended = True

    def _refuse(self, _message: Any, _error: Exception) -> None:
        # Celery would write it into the picture.
        self.unread += 1

    def _note(self, event: dict) -> None:
        # task-sent comes from callers, and may come 100,000 times; the queues show those.
        if event["type"] == "task-sent":
            return
        if _is_event(event):
            self._state.event(event)
        else:
            self.unread += 1

    def learn_names(self, tasks: Iterable[dict[str, Any]]) -> None:
        """Note the names of tasks that workers hold; only the first event of a task names it."""
        if len(self._names) > KEPT_NAMES:
            self._names.clear()
        self._names |= {str(task.get("id")): str(task.get("name")) for task in tasks}

    def latest(self, count: int) -> list[SeenTask]:
        """The tasks of the newest events, newest first."""
        return self._state.freeze_while(self._latest, count)

    def _latest(self, count: int) -> list[SeenTask]:
        newest = heapq.nlargest(
            count, self._state.tasks.values(), key=lambda task: task.timestamp or 0
        )
        return [
            SeenTask(
                at=task.timestamp or 0,
                state=str(task.state),
                name=str(task.name or self._names.get(task.uuid, "?")),
                task_id=task.uuid,
                worker=task.worker.hostname if task.worker else "",
            )
            for task in newest
        ]

    def stop(self) -> None:
        """Stop listening; takes a second at most."""
        self._stopped.set()
        if self._receiver:
            self._receiver.should_stop = True
        self._thread.join(STOP_TIMEOUT_S)


def _is_event(event: dict) -> bool:
    """True if it says what Celery's memory of events is made of: who, when, about which task."""
    when, names = event.get("timestamp"), ["hostname"]
    if str(event.get("type")).startswith("task-"):
        names.append("uuid")
    return (
        isinstance(when, int | float)
        and 0 <= when < LAST_S
        and isinstance(event.get("clock"), int)
        and all(isinstance(event.get(name), str) for name in names)
    )
