"""Why a server that answers takes no message now: its memory is full, it is a replica, ...

The reply is an error of redis-py, and comes from wherever something was written: from `.delay()`,
from a question to the workers, from a worker that stores a result.  Here it becomes a sentence.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

Info = Mapping[str, Any]  # what INFO says; empty where it could not be asked

NOWHERE = "celery_learning:nowhere"  # a list that is never there
MEGABYTE = 1 << 20  # as Redis counts in "maxmemory 100mb"
RESTART = (
    "./lab down; ./lab up"  # the lab's own broker loses its CONFIG SETs, and keeps its messages
)


@dataclass(frozen=True)
class Refusal:
    """A sentence that says why, and what helps; embedded_hint is for the lab's own broker."""

    sentence: str
    hint: str
    embedded_hint: str = RESTART


def try_to_write(client: redis.Redis) -> None:
    """Ask the server whether it would take a message, and write nothing; raises its error.

    LPUSHX adds to a list only if that is there.  A server that refuses LPUSH, by which Celery
    sends, refuses this, too.  INFO alone does not tell: near its limit a server may refuse although
    it says that it uses less.
    """
    # A user who may write to the queues alone: nothing is known then.
    with suppress(redis.exceptions.NoPermissionError):
        client.lpushx(NOWHERE, "")


def refusal(error: BaseException, info: Callable[[], Info]) -> Refusal | None:
    """What a server's error reply means; None where the error is none: nobody answered.

    info: asks for INFO, which has the figures.
    """
    for one in causes(error):
        for kind, sign, explain in _KINDS:
            if isinstance(one, kind) and sign in str(one):
                return explain(str(one), info())
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it: kombu puts its own errors around those of redis-py."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def megabytes(size: int) -> str:
    """A number of bytes, for people.

    >>> megabytes(1_150_000)
    '1.1 MB'
    """
    return f"{size / MEGABYTE:.1f} MB"


def _full(_text: str, info: Info) -> Refusal:
    limit = info.get("maxmemory")
    if not limit:
        where = "more maxmemory; docs/troubleshooting.md says what may fill it"
        return Refusal("the broker's memory is full, and it refuses every new message", where)
    return Refusal(
        f"the broker's memory is full: it uses {megabytes(info['used_memory'])} and may use "
        f"{megabytes(limit)} (maxmemory), and it refuses every new message",
        f"in redis-cli: config set maxmemory {2 * limit // MEGABYTE + 1}mb, if the machine has "
        "that much; docs/troubleshooting.md says what may fill it",
        f"{RESTART}: it starts without that limit, and keeps its messages; a task that ends "
        "before cannot store its result",
    )


def _replica(_text: str, info: Info) -> Refusal:
    primary = f"{info['master_host']}:{info['master_port']}" if "master_host" in info else ""
    of = f" of {primary}" if primary else ""
    return Refusal(
        f"the broker is a read-only replica{of} (role:slave), and refuses every message",
        f"name the primary in REDIS_URL, in place of this server{primary and f': {primary}'}",
        f"{RESTART}: it starts as a primary",
    )


def _disk(text: str, _info: Info) -> Refusal:
    mend = "its log says why; often the disk is full: df -h"
    if "AOF" in text:
        return Refusal(
            "the broker cannot write its append-only file, and refuses every message until it can",
            mend,
            "df -h, and less $LAB_HOME/logs/broker.log (.lab without LAB_HOME)",
        )
    return Refusal(
        "the broker's last snapshot failed (rdb_last_bgsave_status:err), and it refuses every "
        "message until one works (stop-writes-on-bgsave-error)",
        f"{mend}; then in redis-cli: bgsave",
    )


def _loading(_text: str, info: Info) -> Refusal:
    done = info.get("loading_loaded_perc")
    part = f", {done} % so far" if done is not None else ""
    wait = "wait until it has read them, and ask again"
    return Refusal(f"the broker is reading its data from disk{part}", wait, wait)


def _few_replicas(_text: str, _info: Info) -> Refusal:
    return Refusal(
        "the broker has fewer replicas than min-replicas-to-write says, and refuses every message",
        "start its replicas again",
    )


def _many_clients(_text: str, _info: Info) -> Refusal:
    return Refusal(
        "the broker takes no more connections (maxclients)",
        "end programs that are connected to it, or raise its maxclients",
    )


def _not_allowed(text: str, _info: Info) -> Refusal:
    return Refusal(
        f"the broker does not allow its user what is needed: {text}",
        "give this user the right (ACL SETUSER), or name another one in REDIS_URL",
    )


def _other(text: str, _info: Info) -> Refusal:
    return Refusal(
        f"the broker answers with an error: {' '.join(text.split())}",
        "docs/troubleshooting.md",
        "docs/troubleshooting.md",
    )


# The first that fits counts.  BusyLoadingError is a ConnectionError for redis-py.
_KINDS: list[tuple[type[BaseException], str, Callable[[str, Info], Refusal]]] = [
    (redis.OutOfMemoryError, "", _full),
    (redis.ReadOnlyError, "", _replica),
    (redis.exceptions.MasterDownError, "", _replica),
    (redis.BusyLoadingError, "", _loading),
    (redis.ResponseError, "MISCONF", _disk),
    (redis.ResponseError, "NOREPLICAS", _few_replicas),
    (redis.ConnectionError, "max number of clients", _many_clients),
    (redis.exceptions.NoPermissionError, "", _not_allowed),
    (redis.ResponseError, "", _other),
]
