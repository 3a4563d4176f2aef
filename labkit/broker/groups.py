"""Is an id that of a group?  A chord counts its members in Redis; a saved group is stored."""

import json
from dataclasses import dataclass
from typing import Any

import redis


@dataclass(frozen=True)
class Group:
    """A group that Redis knows: how many tasks it has, and how many of them have ended.

    ended: None if only its members are stored (GroupResult.save), which say it themselves.
    """

    size: int
    ended: int | None


def stored_group(client: redis.Redis, key: str) -> Group | None:
    """What the result backend's Redis holds of a group; None if it does not know it.

    key: of the group, celery-taskset-meta-ID.  Source: apply_chord and on_chord_part_return in
    celery/backends/redis.py (.s: the size, .t: members added later, .j: results so far).
    """
    pipeline = client.pipeline(transaction=False)
    pipeline.mget(f"{key}.s", f"{key}.t")
    pipeline.zcard(f"{key}.j")
    pipeline.get(key)
    answers: list[Any] = pipeline.execute(raise_on_error=False)
    counts, ended, saved = (None if isinstance(one, Exception) else one for one in answers)
    size, more = counts or (None, None)
    try:
        if size is not None:
            return Group(int(size) + int(more or 0), ended)
        return Group(len(json.loads(saved)["result"][1]), None) if saved else None
    except (ValueError, KeyError, TypeError, IndexError):
        return None
