"""A broker of a lesson's own, for what would harm others on the shared one.

    with own_broker("lesson30") as broker, own_worker(..., environment=broker.environment()):
        shop = broker.app()
        shop.send_task(print_ticket.name, (run, "TL-1"), queue="lesson30")

The shared workers and Flower know nothing of it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis

from lab_home import LAB_HOME, MARK
from labkit.broker.check import client_for
from labkit.broker.server import EmbeddedBroker
from labkit.errors import LabError, in_shell
from labkit.processes.program import needed
from labkit.processes.records import folder_for_a_while, record_of_this_process

if TYPE_CHECKING:
    from celery import Celery


def transport_setting(options: Mapping[str, object]) -> str:
    """broker_transport_options for one worker, as it stands behind the -- of its command line.

    >>> transport_setting({"visibility_timeout": 10})
    'broker.transport_options=(dict){"visibility_timeout": 10}'
    """
    return f"broker.transport_options=(dict){json.dumps(dict(options))}"


def looking_every_second(visibility_s: int) -> dict[str, int]:
    """broker_transport_options of a program that looks for old messages once a second.

    With Celery's own values it looks every 100 s (10 x 10), for messages older than 3600 s.
    """
    return {
        "visibility_timeout": visibility_s,
        "unacked_restore_interval": 1,  # seconds
        "unacked_restore_throttle": 1,  # look each time, not each tenth time
        # Whoever looks holds a lock.  If it is killed then, nobody looks before the lock expires.
        "unacked_mutex_expire": 2,  # seconds.  Celery: 300
    }


class OwnBroker(EmbeddedBroker):
    """A running Valkey server with 16 databases: 0 to 15, which know nothing of each other."""

    recorded_as = "own broker"  # a killed lesson's record must not be taken for that of `./lab up`

    def address(self, database: int = 0) -> str:
        """The URL of one database, with the password in it: not for a command line."""
        return f"{self.url.removesuffix('/0')}/{database}"

    def environment(self, database: int = 0) -> dict[str, str]:
        """What a worker must find in its environment to use one database of this broker."""
        return {"REDIS_URL": self.address(database)}

    def client(self, database: int = 0) -> redis.Redis:
        """A plain client of one database."""
        return client_for(self.address(database))

    def app(self, database: int = 0, **transport_options: object) -> "Celery":
        """A Celery app for the lesson's own process.  It has no tasks: send them by name."""
        from celery import Celery  # deferred: whoever only wants the server needs no Celery

        with self.client(database) as client:  # before the app writes; a worker looks for it
            client.set(MARK, "lesson")
        url = self.address(database)
        app = Celery("lesson", broker=url, backend=url, set_as_current=False)
        app.conf.broker_transport_options = transport_options
        return app

    def restart(self) -> None:
        """Start it again after stop() or kill(): the same address, and the data from its file.

        Raises LabError if it does not come back.
        """
        address = urlsplit(self.url)
        if not self._start_on(address.port or 0, address.password or ""):
            raise LabError("the lesson's broker did not come back", f"tail {in_shell(self.log)}")

    def gone(self) -> LabError | None:
        """The error to tell if it has ended although nobody asked for that; else None."""
        if not self.ended_by_itself():
            return None
        return LabError("the lesson's broker was ended by something else", "df -h; uptime")


@contextmanager
def own_broker(name: str) -> Iterator[OwnBroker]:
    """Start a broker in a folder of its own below LAB_HOME; both are gone after the block.

    Put it around the workers.  What a killed lesson leaves, the next `./lab run` removes.
    Raises LabError if it does not start.
    """
    with folder_for_a_while(LAB_HOME, name) as home:
        broker = OwnBroker(home, record_of_this_process(LAB_HOME))
        try:
            broker.start()
            with needed(broker.gone):
                try:
                    yield broker
                except (Exception, SystemExit):  # a claim that failed ends the lesson by SystemExit
                    if not broker.ended_by_itself():
                        raise
                if gone := broker.gone():  # then every other error is a consequence
                    raise gone
        finally:
            broker.stop()
