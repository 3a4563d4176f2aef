"""Is this Redis server fit to be a broker?"""

import redis

from labkit.doctor.findings import Finding

OLDEST_VERSION = (6, 2)  # kombu 5.7 uses commands that came with it


def server_findings(client: redis.Redis) -> list[Finding]:
    """What is wrong with the server; one "ok" where nothing is."""
    info = client.info()
    try:
        saves: str | None = client.config_get("save").get("save")
    except redis.RedisError:  # a hosted server may refuse the command
        saves = None
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else ""
    name = name or f"Redis {info['redis_version']}"
    return judge(info, saves) or [Finding("ok", f"the server is fit for a broker ({name})")]


def judge(info: dict, saves: str | None) -> list[Finding]:
    """Judge what INFO and CONFIG GET save said; saves: None if that was refused, "" for never."""
    findings = []
    version = str(info["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        findings.append(
            Finding(
                "wrong",
                f"the server is Redis {version}, and Celery needs 6.2 or later",
                "./lab up without REDIS_URL brings its own server",
            )
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        findings.append(
            Finding(
                "wrong",
                f"maxmemory-policy is {policy}: when memory is full, "
                "the server throws waiting messages away without a word",
                "in redis-cli: config set maxmemory-policy noeviction",
            )
        )
    if not info.get("aof_enabled") and saves == "":
        findings.append(
            Finding(
                "wrong",
                "the server keeps nothing on disk (neither AOF nor RDB): "
                "when it stops, waiting messages and results are gone",
                "in redis-cli: config set appendonly yes",
            )
        )
    return findings
