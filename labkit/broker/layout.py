"""How one app keeps its messages in Redis: which keys, as its broker_transport_options say.

    basic, basic\\x06\\x163, ...\\x166, ...\\x169   lists: the queue `basic`, one list a priority
    unacked, unacked_index                       what workers took and have not acknowledged

Those are kombu's names.  priority_steps, sep, global_keyprefix, unacked_key, unacked_index_key,
unacked_mutex_key, fanout_prefix and control_exchange change them.  A URL or a Queue cannot; but the
URL names the database, and the database is a part of the channel's name.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from celery import Celery

# Parts of the names of Celery's other keys, which are lists or were overwritten by one.
NOT_QUEUES = ("celery-task-meta-", "celery-taskset-meta-", "chord-unlock-", "_kombu.")
SCAN_S = 0.2  # for a look at all keys, however many there are
KEYS_AT_ONCE = 5000


@dataclass(frozen=True)
class Layout:
    """Where the messages of one app are.  The defaults are kombu's.

    priorities: one list for each, the one that is emptied first in front; 0 is the highest.
    separator: between a queue's name and a priority; the two bytes are in no sensible name.
    prefix: before every key and channel.
    """

    priorities: tuple[int, ...] = (0, 3, 6, 9)
    separator: str = "\x06\x16"
    prefix: str = ""
    unacked_key: str = "unacked"
    unacked_index_key: str = "unacked_index"
    channel_prefix: str = "/{db}."
    control: str = "celery.pidbox"  # the exchange of `celery inspect` and `celery control`
    unacked_mutex_key: str = "unacked_mutex"

    def list_name(self, queue: str, priority: int = 0) -> str:
        """The Redis list of one queue and priority.

        >>> Layout().list_name("basic"), Layout(prefix="shop:").list_name("basic", 9)
        ('basic', 'shop:basic\\x06\\x169')
        """
        return f"{self.prefix}{queue}{self.separator}{priority}" if priority else self.key(queue)

    def key(self, name: str) -> str:
        """The name of a key as it is in Redis.

        >>> Layout(prefix="shop:").key("_kombu.binding.basic")
        'shop:_kombu.binding.basic'
        """
        return f"{self.prefix}{name}"

    def queue_of(self, key: str) -> str:
        """The queue that a list belongs to; "" if it is none of this app's.

        A list of a priority that this app does not know is a queue by itself: no worker with these
        settings reads it.

        >>> Layout().queue_of("basic\\x06\\x163"), Layout().queue_of("basic\\x06\\x164")
        ('basic', 'basic\\x06\\x164')
        """
        name = key.removeprefix(self.prefix)
        if not key.startswith(self.prefix) or name.endswith(self.control):
            return ""
        if any(part in name for part in NOT_QUEUES):
            return ""
        if name in {self.unacked_key, self.unacked_index_key, self.unacked_mutex_key}:
            return ""
        queue, separator, priority = name.rpartition(self.separator)
        steps = {str(step) for step in self.priorities if step}
        return queue if separator and priority in steps else name

    @property
    def unacked(self) -> str:
        """The hash of the messages that workers took and did not acknowledge."""
        return self.key(self.unacked_key)

    @property
    def unacked_index(self) -> str:
        """The sorted set that says when each of them was taken."""
        return self.key(self.unacked_index_key)

    def channel(self, client: redis.Redis, name: str) -> str:
        """A channel of this app: on `control` workers hear `celery inspect`.

        Channels know no databases, so kombu writes the number of its database into the name.
        """
        database = client.connection_pool.connection_kwargs.get("db") or 0
        return self.key(f"{self.channel_prefix.format(db=database)}{name}")


KOMBU = Layout()


def layout_of(app: "Celery") -> Layout:
    """The layout that this app's settings describe."""
    options: Mapping = app.conf.broker_transport_options or {}
    fanout = options.get("fanout_prefix", True)
    return Layout(
        priorities=tuple(options.get("priority_steps", KOMBU.priorities)),
        separator=options.get("sep", KOMBU.separator),
        prefix=options.get("global_keyprefix", KOMBU.prefix),
        unacked_key=options.get("unacked_key", KOMBU.unacked_key),
        unacked_index_key=options.get("unacked_index_key", KOMBU.unacked_index_key),
        channel_prefix=fanout if isinstance(fanout, str) else KOMBU.channel_prefix * bool(fanout),
        control=f"{app.conf.control_exchange}.pidbox",
        unacked_mutex_key=options.get("unacked_mutex_key", KOMBU.unacked_mutex_key),
    )


def scanned(client: redis.Redis, **which: str) -> Iterator[list[str]]:
    """The names of keys, many at once; it stops after SCAN_S seconds.  which: as SCAN has it."""
    cursor, deadline = 0, time.monotonic() + SCAN_S
    while True:
        answer: Any = client.scan(cursor, count=KEYS_AT_ONCE, **which)
        cursor, keys = answer
        yield keys
        if cursor == 0 or time.monotonic() > deadline:
            return


def is_wrong_type(error: Exception) -> bool:
    """True if a key holds something of another type than the command is for."""
    return isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error)
