"""Keep the lab's Celery out of a Redis database that holds somebody else's data.

celery_app.py calls protect().  A project of your own, with a database of its own, needs none of it.
"""

import contextlib
import sys
import time
from typing import Any

import redis
from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_ready

from lab_home import MARK, house_error, masked, other_address, whose_database

TIMEOUT_S = 2  # as long as celery_app.py waits for a connection
FRESH_S = 10  # a program that goes on sending sets the mark again after FLUSHALL


def protect(app: Celery) -> None:
    """Look at the database before a worker or Beat of the app starts, or a program sends its tasks.

    An empty one, or the lab's own, gets the lab's mark before Celery writes its first keys.  Where
    it is somebody else's, the program ends with the lab's error.
    """
    guard = _Guard(app)
    celeryd_init.connect(guard.at_start, weak=False)
    beat_init.connect(guard.at_start, weak=False)
    worker_ready.connect(guard.when_ready, weak=False)
    app.send_task = guard.send_task  # type: ignore[method-assign]


class _Guard:
    def __init__(self, app: Celery) -> None:
        self.app = app
        self.celerys_send_task = app.send_task
        self.accepted = False
        self.fresh_until = 0.0

    def at_start(self, sender: Any, instance: Any = None, **_kwargs: object) -> None:
        if (instance or sender).app is self.app:  # a lesson may have a second app
            self.check()

    def when_ready(self, sender: Any, **_kwargs: object) -> None:
        """Mark the database where the broker came after the worker, which has written by now."""
        if sender.app is self.app:
            self.accepted = True
            self.check()

    def send_task(self, *args: Any, **options: Any) -> Any:
        """Celery's own: delay(), workflows, retries and Beat all send through it."""
        if time.monotonic() > self.fresh_until:
            self.check()
        return self.celerys_send_task(*args, **options)

    def check(self) -> None:
        """Set the mark, or end the program."""
        url = self.app.conf.broker_url or ""
        if not url.startswith("redis"):
            return
        times = {"socket_connect_timeout": TIMEOUT_S, "socket_timeout": TIMEOUT_S}
        # Celery reports a broker that is away, and waits for it.
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url, **times) as client:
            if not self.accepted and whose_database(client) == "foreign":
                wrong = f"the database at {masked(url)} holds somebody else's data"
                sys.exit(house_error(wrong, other_address(url)))
            self.accepted = True
            client.set(MARK, "lab", nx=True)
            self.fresh_until = time.monotonic() + FRESH_S
