"""Find one message among very many, by its task id.

Redis can search a list only by reading it.  A piece of the list is read at a time, small enough
that neither Redis nor the time that there is notices it, and only what may be meant is decoded.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import redis

from labkit.broker.layout import KOMBU, Layout
from labkit.broker.mentions import Mentions, needles
from labkit.broker.messages import Message, decode_message
from labkit.broker.queues import lengths

LIMIT_S = 2.0
FIRST_PIECE = 4  # messages; the next pieces are cut so that each is about PIECE_BYTES long
LARGEST_PIECE = 10_000
PIECE_BYTES = 1 << 20
# Workers take messages while we read, and the list moves under us.  Each piece reads this many
# messages of the one before once more: 30,000 messages a second would have to go to miss one.
# Of large messages, which workers take more slowly, it is a quarter of a piece.
OVERLAP = 100
DECODED = 2_000  # as many waiting messages are decoded one and all, to say which cannot be read
LONG_BYTES = 100_000  # but a longer one is not decoded only for that


@dataclass(frozen=True)
class Search:
    """What the search found, and how far it looked.

    message: None if it was not found.
    before: how many messages of the same queue are taken before it (higher priorities included).
    looked_at, total: messages of all queues that were searched.
    unreadable: how many of them are no messages of Celery's, or say neither id nor task; at least
        so many, where there are more than DECODED messages, or some above LONG_BYTES.
    mentions: messages of other tasks that name the id.
    """

    message: Message | None
    queue: str
    before: int
    looked_at: int
    total: int
    unreadable: int = 0
    mentions: Mentions = field(default_factory=Mentions)

    @property
    def complete(self) -> bool:
        """True if every message was looked at."""
        return self.looked_at >= self.total


def find_queued(
    client: redis.Redis,
    task_id: str,
    queues: Iterable[str],
    limit_s: float = LIMIT_S,
    layout: Layout = KOMBU,
) -> Search:
    """Look for a task's message in these queues, oldest messages first, for limit_s seconds.

    Short lists come first, so that a very long one hides nothing but its own newest messages.
    """
    deadline = time.monotonic() + limit_s
    numbers = lengths(client, queues, layout)
    lists = sorted(
        (length, queue, layout.priorities.index(priority), priority)
        for queue, by_priority in numbers.items()
        for priority, length in by_priority.items()
        if length
    )
    total = sum(length for length, *_ in lists)
    reader = _Reader(client, task_id, thorough=total <= DECODED)
    looked_at = 0
    for length, queue, rank, priority in lists:
        key = layout.list_name(queue, priority)
        read, found = reader.search(key, queue, length, deadline)
        looked_at += read
        if found:
            message, position = found
            higher = sum(numbers[queue][other] for other in layout.priorities[:rank])
            before = higher + position
            return Search(
                message, queue, before, looked_at, total, reader.unreadable, reader.mentions
            )
    return Search(None, "", 0, looked_at, total, reader.unreadable, reader.mentions)


class _Reader:
    """Reads lists, and notes what it meets on the way."""

    def __init__(self, client: redis.Redis, task_id: str, *, thorough: bool) -> None:
        self.client = client
        self.task_id = task_id
        self.decoded_up_to = LONG_BYTES if thorough else 0
        self.texts = needles(task_id)
        self.unreadable = 0
        self.mentions = Mentions()

    def search(
        self, key: str, queue: str, length: int, deadline: float
    ) -> tuple[int, tuple[Message, int] | None]:
        """(messages read, (the message, its position) or None); position 0 is the oldest.

        A piece that the server does not send in the client's time ends the search.
        """
        read, count = 0, FIRST_PIECE
        while read < length and time.monotonic() < deadline:
            start = max(read - min(OVERLAP, count // 4), 0)
            try:
                piece: Any = self.client.lrange(key, -(read + count), -(start + 1))
            except redis.TimeoutError:
                break
            for position, raw in enumerate(reversed(piece), start):
                if self._may_be_meant(raw):
                    message = self._look(raw, queue, is_new=position >= read)
                    if message:
                        return min(read + count, length), (message, position)
            read = min(read + count, length)
            average_bytes = max(sum(map(len, piece)), 1) / max(len(piece), 1)
            count = min(LARGEST_PIECE, max(FIRST_PIECE, int(PIECE_BYTES / average_bytes)))
        return read, None

    def _may_be_meant(self, raw: str) -> bool:
        """True also for what cannot be read: it does not begin as a JSON object does."""
        if len(raw) <= self.decoded_up_to or not raw.startswith("{"):
            return True
        return any(text in raw for text in self.texts)

    def _look(self, raw: str, queue: str, *, is_new: bool) -> Message | None:
        """The message if it is the one; else note what it says of the id.

        The id alone proves nothing: it also stands in the messages of the task's children.
        """
        try:
            message = decode_message(raw)
        except ValueError:
            self.unreadable += is_new
            return None
        self.unreadable += is_new and not message.named
        if message.task_id == self.task_id:
            return message
        self.mentions.look(raw, message, queue, self.task_id)
        return None
