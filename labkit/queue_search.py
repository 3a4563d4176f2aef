"""Find one message among very many, by its task id.

Redis can search a list only by reading it.  redis-py would make a Python string of each message,
at 2 to 3 microseconds; so the server's answer is searched as it comes out of the socket, and only
the chunk that holds the id is read again and decoded.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis

from labkit.queues import PRIORITIES, Message, decode_message, lengths, list_name, needle

LIMIT_S = 2.0
FIRST_CHUNK = 100  # messages; the next chunks are cut so that each is about CHUNK_BYTES long
LARGEST_CHUNK = 10_000
CHUNK_BYTES = 1 << 20
READ_BYTES = 256 << 10
# Workers take messages while we read, and the list moves under us.  Each chunk reads this many
# messages of the one before once more: 30,000 messages a second would have to go to miss one.
OVERLAP = 100


@dataclass(frozen=True)
class Search:
    """What the search found, and how far it looked.

    message: None if it was not found.
    before: how many messages of the same queue are taken before it (higher priorities included).
    looked_at, total: messages of all queues that were searched.
    """

    message: Message | None
    queue: str
    before: int
    looked_at: int
    total: int

    @property
    def complete(self) -> bool:
        """True if every message was looked at."""
        return self.looked_at >= self.total


def find_queued(
    client: redis.Redis, task_id: str, queues: Iterable[str], limit_s: float = LIMIT_S
) -> Search:
    """Look for a task's message in these queues, oldest messages first, for limit_s seconds.

    Short lists come first, so that a very long one hides nothing but its own newest messages.
    """
    deadline = time.monotonic() + limit_s
    numbers = lengths(client, queues)
    lists = sorted(
        (length, queue, priority)
        for queue, by_priority in numbers.items()
        for priority, length in by_priority.items()
        if length
    )
    total = sum(length for length, _, _ in lists)
    looked_at = 0
    reader = _ListReader(client, task_id)
    try:
        for length, queue, priority in lists:
            read, found = reader.search(list_name(queue, priority), length, deadline)
            looked_at += read
            if found:
                message, position = found
                higher = sum(numbers[queue][other] for other in PRIORITIES if other < priority)
                return Search(message, queue, higher + position, looked_at, total)
    finally:
        reader.close()
    return Search(None, "", 0, looked_at, total)


def _decode_chunk(chunk: list[str], task_id: str) -> tuple[Message, int] | None:
    """The message of this task in a chunk, and its position from the old end.

    The id alone proves nothing: it also stands in the messages of the task's children.
    """
    for position, raw in enumerate(reversed(chunk)):
        if needle(task_id) in raw:
            try:
                message = decode_message(raw)
            except ValueError:
                continue
            if message.task_id == task_id:
                return message, position
    return None


class _ListReader:
    """Reads lists and looks for one task's message in them.

    It takes a connection out of the client's pool and reads its socket directly, up to the
    echo of a random word that is asked for behind each range.
    """

    def __init__(self, client: redis.Redis, task_id: str) -> None:
        self.client = client
        self.task_id = task_id
        self.needle = needle(task_id).encode()
        self.pool = client.connection_pool
        self.connection = self.pool.get_connection()

    def search(
        self, key: str, length: int, deadline: float
    ) -> tuple[int, tuple[Message, int] | None]:
        """(messages read, (the message, its position) or None); position 0 is the oldest."""
        read, count = 0, FIRST_CHUNK
        while read < length and time.monotonic() < deadline:
            start = max(read - OVERLAP, 0)
            holds_id, size_bytes = self._read(key, -(read + count), -(start + 1))
            read = min(read + count, length)
            if holds_id:
                start = max(start - OVERLAP, 0)  # it may have moved on since
                chunk: Any = self.client.lrange(key, -read, -(start + 1))
                found = _decode_chunk(chunk, self.task_id)
                if found:
                    message, position = found
                    return read, (message, start + position)
            count = min(LARGEST_CHUNK, max(1, count * CHUNK_BYTES // max(size_bytes, 1)))
        return read, None

    def _read(self, key: str, first: int, last: int) -> tuple[bool, int]:
        """(True if the id is in LRANGE key first last, the length of the answer in bytes)."""
        word = secrets.token_hex(16).encode()
        end = b"$%d\r\n%s\r\n" % (len(word), word)
        keep = max(len(end), len(self.needle))  # what is sought may lie across two reads
        self.connection.send_packed_command(
            self.connection.pack_commands([("LRANGE", key, first, last), ("ECHO", word)])
        )
        socket: Any = self.connection._sock
        found, size_bytes, rest = False, 0, b""
        while not rest.endswith(end):
            try:
                data = socket.recv(READ_BYTES)
            except TimeoutError:
                raise redis.TimeoutError("the server stopped in the middle of an answer") from None
            if not data:
                raise redis.ConnectionError("the server closed the connection")
            size_bytes += len(data)
            window = rest + data
            found = found or self.needle in window
            rest = window[-keep:]
        return found, size_bytes

    def close(self) -> None:
        """Drop the connection: after an error there may be half an answer in it."""
        self.connection.disconnect()
        self.pool.release(self.connection)
