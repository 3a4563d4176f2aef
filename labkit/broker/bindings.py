"""From which queue a worker took a message: Redis keeps its exchange and routing key."""

import re
from typing import Any

import redis

from labkit.broker.layout import Layout, is_wrong_type
from labkit.broker.messages import Message, decode_taken


class Bindings:
    """What kombu's sets `_kombu.binding.EXCHANGE` say; each is read once, when it is needed.

    A member is a routing key, a pattern (of a topic exchange; else empty) and a queue.
    """

    def __init__(self, client: redis.Redis, layout: Layout) -> None:
        self._client = client
        self._layout = layout
        self._members: dict[str, list[list[str]]] = {}

    def taken(self, raw: str) -> tuple[Message, str]:
        """(message, queue) of a message in `unacked`; ValueError if it is none."""
        message, exchange, key = decode_taken(raw)
        return message, self.queue(exchange, key)

    def queue_in(self, raw: str) -> str:
        """The queue alone; "" if it cannot be read."""
        try:
            return self.taken(raw)[1]
        except ValueError:
            return ""

    def queue(self, exchange: str, key: str) -> str:
        """The one queue that gets this key; the key itself where none or several do."""
        if not exchange:
            return key
        if exchange not in self._members:
            self._members[exchange] = self._read(exchange)
        queues = {
            queue
            for bound, pattern, queue in self._members[exchange]
            if bound == key or (pattern and re.match(pattern, key))
        }
        return queues.pop() if len(queues) == 1 else key

    def _read(self, exchange: str) -> list[list[str]]:
        name = self._layout.key(f"_kombu.binding.{exchange}")
        try:
            members: Any = self._client.smembers(name)
        except redis.ResponseError as error:
            if not is_wrong_type(error):
                raise
            return []
        parts = [member.split(self._layout.separator) for member in members]
        return [one for one in parts if len(one) == 3]
