"""What the server says of itself, and what of it is bad for a broker.

Whether it takes a message now is not judged here: labkit.broker.check asks it.
"""

from collections.abc import Iterator

import redis

from lab_env import where_set
from labkit.broker.check import own_broker_instead
from labkit.broker.refusals import Info, megabytes, name_primary, redis_cli
from labkit.doctor.findings import Finding

OLDEST_VERSION = (6, 2)  # kombu 5.7 uses commands that came with it
NEARLY_FULL = 0.9  # of maxmemory: time to do something, before messages are refused
TO_KEEP = "; what is set is forgotten at its next start, if its configuration file differs"


def server_findings(client: redis.Redis) -> list[Finding]:
    """What is wrong with a server that takes messages; where nothing is, what was looked at."""
    try:
        info = client.info()
    except redis.exceptions.NoPermissionError:
        return [
            Finding("?", "memory, disk and settings were not looked at: this user may not ask INFO")
        ]
    try:
        saves: str | None = client.config_get("save").get("save")
    except redis.RedisError:  # a hosted server may refuse the command
        saves = None
    return list(unhealthy(info, saves)) or [Finding("ok", healthy(info, saves))]


def healthy(info: Info, saves: str | None) -> str:
    """The sentence of a server in which nothing bad was seen: it names what was looked at.

    >>> healthy({"redis_version": "7.0.15", "role": "master", "used_memory": 1 << 20}, "")
    'Redis 7.0.15 takes messages: a primary, 1.0 MB in use without a limit'
    """
    return f"{_name(info)} takes messages: {', '.join(_looked_at(info, saves))}"


def _name(info: Info) -> str:
    """The program and its version, as INFO has them."""
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', 'of an unknown version')}"


def _looked_at(info: Info, saves: str | None) -> Iterator[str]:
    if info.get("role") == "master":
        yield "a primary"
    if "used_memory" in info:
        limit = info.get("maxmemory")
        of = f"of {megabytes(limit)} (noeviction)" if limit else "without a limit"
        yield f"{megabytes(info['used_memory'])} in use {of}"
    if info.get("aof_enabled"):
        yield "append-only file on, its last write worked"
    if saves:
        yield "snapshots on, and the last one did not fail"


def unhealthy(info: Info, saves: str | None) -> Iterator[Finding]:
    """Judge what INFO and CONFIG GET save said; saves: None if that was refused, "" for never."""
    version = str(info.get("redis_version", "6.2"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        yield Finding(
            "wrong",
            f"the server is Redis {version}, and Celery needs 6.2 or later; without REDIS_URL"
            f"{where_set('REDIS_URL')} ./lab up brings a server of its own",
            own_broker_instead(),
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield Finding(
            "wrong",
            f"maxmemory-policy is {policy}: when memory is full, "
            f"the server throws waiting messages away without a word{TO_KEEP}",
            redis_cli("config set maxmemory-policy noeviction"),
        )
    used, limit = info.get("used_memory", 0), info.get("maxmemory", 0)
    if limit and NEARLY_FULL * limit <= used < limit:
        yield Finding(
            "wrong",
            f"memory is nearly full: {megabytes(used)} of {megabytes(limit)} (maxmemory) in use; "
            "docs/troubleshooting.md says what may fill it",
            "./lab monitor",
        )
    if info.get("role") == "slave" and not info.get("slave_read_only", 1):
        yield Finding(
            "wrong",
            "the server is a replica that takes writes (role:slave): it loses them when it next "
            "copies its primary, which REDIS_URL must name",
            name_primary(info),
        )
    yield from _wrong_with_disk(info, saves)


def _wrong_with_disk(info: Info, saves: str | None) -> Iterator[Finding]:
    if not info.get("aof_enabled") and saves == "":
        yield Finding(
            "wrong",
            "the server keeps nothing on disk (neither AOF nor RDB): "
            f"when it stops, waiting messages and results are gone{TO_KEEP}",
            redis_cli("config set appendonly yes"),
        )
    if info.get("rdb_last_bgsave_status", "ok") != "ok" and saves != "":
        yield Finding(
            "wrong",
            "the last snapshot failed (rdb_last_bgsave_status:err): its log says why; often the "
            "disk is full",
            "df -h",
        )
