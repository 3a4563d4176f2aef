"""Why a server that answers takes no message now: its memory is full, it is a replica, ...

The reply is an error of redis-py, and comes from wherever something was written: from `.delay()`,
from a question to the workers, from a worker that stores a result.  Here it becomes a sentence.
"""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis

from lab_env import line_that_sets, where_set
from lab_home import LAB_HOME, REDIS_URL, running_broker
from labkit.errors import in_shell

Info = Mapping[str, Any]  # what INFO says; empty where it could not be asked

NOWHERE = "celery_learning:nowhere"  # a list that is never there
MEGABYTE = 1 << 20  # as Redis counts in "maxmemory 100mb"
# The lab's own broker loses its CONFIG SETs, and keeps its messages.
RESTART = "./lab down; ./lab up"
FILLED = "docs/troubleshooting.md says what may fill it"


@dataclass(frozen=True)
class Refusal:
    """A sentence that says why, and what helps; embedded_hint is for the lab's own broker."""

    sentence: str
    hint: str
    embedded_hint: str = RESTART


def is_embedded(url: str) -> bool:
    """True if the broker file names this URL as that of the lab's own broker."""
    broker = running_broker()
    return broker.get("url") == url and bool(broker["run_id"])


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


def redis_cli(words: str) -> str:
    """The line that says something to the server of REDIS_URL.

    A password is asked for, so that nobody sees it in the list of processes.  The lab's own broker
    is started again: that undoes each CONFIG SET.
    """
    if is_embedded(REDIS_URL):
        return RESTART
    parts = urlsplit(REDIS_URL)
    where = ["-h", parts.hostname or "localhost", "-p", str(parts.port or 6379)]
    where += ["--tls"] if parts.scheme == "rediss" else []
    where += ["--user", parts.username] if parts.username else []
    where += ["--askpass"] if parts.password else []
    return f"redis-cli {shlex.join(where)} {words}"


def name_primary(info: Info) -> str:
    """The line that uses the primary of a replica; PASSWORD stands for its password."""
    if line_that_sets("REDIS_URL"):
        return "grep -n REDIS_URL .env"
    if "master_host" not in info:
        return redis_cli("info replication")
    parts = urlsplit(REDIS_URL)
    user = f"{parts.username or ''}:PASSWORD@" if parts.password else ""
    primary = f"{user}{info['master_host']}:{info['master_port']}"
    right = urlunsplit(parts._replace(netloc=primary))
    return f"REDIS_URL={quote(right)} ./lab up"


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
        sentence = "the broker's memory is full, and it refuses every new message"
        return Refusal(f"{sentence}; {FILLED}", "less docs/troubleshooting.md")
    used = info["used_memory"]
    enough = 2 * max(limit, used) // MEGABYTE + 1
    no_limit = "from lab_home import REDIS_URL; client = redis.from_url(REDIS_URL); "
    no_limit += "client.config_set('maxmemory', 0)"
    return Refusal(
        f"the broker's memory is full: it uses {megabytes(used)} and may use "
        f"{megabytes(limit)} (maxmemory), and it refuses every new message; a task that ends now "
        f"cannot store its result; {FILLED}",
        redis_cli(f"config set maxmemory {enough}mb"),
        # Not RESTART: what ends while everything stops could not store its result.
        f"{in_shell(sys.executable)} -c {quote(f'import redis; {no_limit}')}",
    )


def _replica(_text: str, info: Info) -> Refusal:
    primary = f"{info['master_host']}:{info['master_port']}" if "master_host" in info else ""
    of = f" of {primary}" if primary else ""
    return Refusal(
        f"the broker is a read-only replica{of} (role:slave), and refuses every message; REDIS_URL"
        f"{where_set('REDIS_URL')} must name the primary, with its password if it has one",
        name_primary(info),
    )


def _disk(text: str, _info: Info) -> Refusal:
    why = "its log says why; often the disk is full"
    if "AOF" in text:
        full = "No space left" in text
        return Refusal(
            "the broker cannot write its append-only file, and refuses every message until it can; "
            f"{'its disk is full' if full else why}",
            "df -h",
            f"df -h {in_shell(LAB_HOME)}; tail {in_shell(LAB_HOME / 'logs' / 'broker.log')}",
        )
    return Refusal(
        "the broker's last snapshot failed (rdb_last_bgsave_status:err), and it refuses every "
        f"message until one works (stop-writes-on-bgsave-error); {why}",
        f"df -h; {redis_cli('bgsave')}",
    )


def _loading(_text: str, info: Info) -> Refusal:
    done = info.get("loading_loaded_perc")
    part = f", {done} % so far" if done is not None else ""
    wait = "sleep 5; ./lab doctor"
    return Refusal(f"the broker is reading its data from disk{part}, and answers then", wait, wait)


def _few_replicas(_text: str, _info: Info) -> Refusal:
    return Refusal(
        "the broker has fewer replicas than min-replicas-to-write says, and refuses every message",
        redis_cli("info replication"),
    )


def _many_clients(_text: str, _info: Info) -> Refusal:
    return Refusal(
        "the broker takes no more connections (maxclients): a program that is connected to it must "
        "end, or maxclients must grow",
        "ps -eo pid,args",
    )


def _not_allowed(text: str, _info: Info) -> Refusal:
    return Refusal(
        f"the broker does not allow its user what is needed (ACL SETUSER gives it): {text}",
        redis_cli("acl list"),
    )


def _other(text: str, _info: Info) -> Refusal:
    return Refusal(
        f"the broker answers with an error: {' '.join(text.split())}",
        "less docs/troubleshooting.md",
        "less docs/troubleshooting.md",
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
