"""How the workers count the members of a chord: the keys that they write in Redis."""

import json
from typing import Any

import redis

from celery_app import app
from labkit.lesson.tables import table

# What they keep under celery-taskset-meta-ID, by the end of the key.  ID is that of the header.
MEANINGS = {
    ".s": "how many members there are",
    ".j": "their results so far, in order",
    ".d": "how many of them have been counted",
    ".c": "whether the body was sent",
}


class ChordCount:
    """The count of one chord, read anew each time."""

    def __init__(self, header_id: str, client: Any = None) -> None:
        """client: of the server of the result backend (redis.Redis); it must give text."""
        backend: Any = app.backend
        self._key = backend.get_key_for_group(header_id).decode()
        self._client: Any = client or redis.Redis.from_url(
            app.conf.result_backend, decode_responses=True
        )

    def keys(self) -> set[str]:
        """Which of its keys are there, by their ends."""
        return {end for end in MEANINGS if self._client.exists(self._key + end)}

    def counted(self) -> int:
        """How many members have ended, well or not."""
        return self._client.scard(f"{self._key}.d")

    def expires_in_s(self) -> int:
        """After how many seconds Redis forgets how many members there are; -2 if it has."""
        return self._client.ttl(f"{self._key}.s")

    def show(self) -> None:
        """Print a table of the keys that are there."""
        rows = [(end, MEANINGS[end], self._value(end)) for end in MEANINGS if end in self.keys()]
        table("key", "what it says", "value", rows=rows)

    def _value(self, end: str) -> object:
        if end == ".j":
            lines = [json.loads(text) for text in self._client.zrange(f"{self._key}.j", 0, -1)]
            return ", ".join(
                result["airline"] if state == "SUCCESS" else result["exc_type"]
                for _, _, state, result in lines
            )
        return self.counted() if end == ".d" else self._client.get(self._key + end)
