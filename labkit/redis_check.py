"""Ask a Redis who it is, with a plain client, before Celery connects.

Celery's own first connection would spend up to 19 s on a missing broker, and write keys into
a database that may belong to somebody else.
"""

import os
from urllib.parse import urlsplit, urlunsplit

import redis

from lab_home import MARK, masked, running_broker, whose_database
from labkit.errors import LabError

CONNECT_TIMEOUT_S = 1.0  # a local server answers in milliseconds; two tries fit well into 3 s


def client_for(url: str) -> redis.Redis:
    """A plain client that gives up after CONNECT_TIMEOUT_S and does not retry.

    Bytes that are no UTF-8 come as U+FFFD: the keys of other programs may hold anything.
    """
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=CONNECT_TIMEOUT_S,
        retry=None,
        decode_responses=True,
        encoding_errors="replace",
    )


def check_redis(url: str) -> str:
    """Return "empty" or "ours", or raise LabError: nobody there, wrong password, not ours.

    If the URL is that of the embedded broker, the server must also have the run_id that the
    broker file names: another server may have taken the port since.
    """
    broker = running_broker()
    own = broker if broker and broker["url"] == url else None
    named = url == os.environ.get("REDIS_URL")
    start = (
        "unset REDIS_URL; ./lab up (the lab brings a broker of its own)" if named else "./lab up"
    )
    where = masked(url)
    try:
        client = client_for(url)
    except (ValueError, TypeError) as error:  # in what follows the ?
        raise LabError(f"REDIS_URL cannot be used: {error}", start) from None
    try:
        run_id = client.info("server")["run_id"]
        if own and own["run_id"] not in {"", run_id}:
            raise LabError(f"the server at {where} is not the lab's broker", "./lab down; ./lab up")
        owner = whose_database(client)
    except redis.AuthenticationError:
        wrong = "refuses this password" if urlsplit(url).password else "wants a password"
        raise LabError(
            f"the Redis at {where} {wrong}",
            "put the right one into REDIS_URL: redis://:PASSWORD@HOST:PORT/0",
        ) from None
    except (redis.ConnectionError, redis.TimeoutError):
        raise LabError(f"no broker answers at {where}", start) from None
    except redis.RedisError as error:
        raise LabError(f"the Redis at {where} answers with an error: {error}", start) from None
    finally:
        client.close()
    if owner == "foreign":
        other = urlunsplit(urlsplit(where)._replace(path="/5"))
        raise LabError(
            f"the database at {where} holds somebody else's data, and the lab leaves it alone",
            f"name another database of that Redis: REDIS_URL={other} ./lab up",
        )
    return owner


def mark_as_ours(url: str) -> None:
    """Leave the lab's mark in a database that check_redis() has found to be empty or ours.

    Without it, one message to a misspelled queue would make the lab take its own database for
    somebody else's.
    """
    try:
        with client_for(url) as client:
            client.set(MARK, "lab up")
    except redis.RedisError as error:  # a replica, a full memory
        raise LabError(
            f"the Redis at {masked(url)} takes no data: {error}", "./lab up, with another REDIS_URL"
        ) from None
