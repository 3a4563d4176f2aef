"""Ask a Redis who it is, and whether it takes a message, before Celery connects.

Celery's own first connection would spend up to 19 s on a missing broker, and write keys into
a database that may belong to somebody else.  Lessons, monitor, doctor and web all ask here, so
they all say the same.
"""

import contextlib
import os
import ssl
from urllib.parse import urlsplit

import redis

from lab_env import line_that_sets, look_at_setting, where_set
from lab_home import (
    LAB_HOME,
    MARK,
    masked,
    other_address,
    run_id_of,
    running_broker,
    whose_database,
)
from labkit.broker.refusals import RESTART, Info, causes, is_embedded, refusal, try_to_write
from labkit.errors import LabError
from labkit.processes.identity import ProcessId
from labkit.processes.running_lab import read_state, running_lab, stopped_part

CONNECT_TIMEOUT_S = 1.0  # a local server answers in milliseconds; two tries fit well into 3 s


class NoAnswer(LabError):
    """Nobody answers there, or does so no more."""


class TakesNoMessage(LabError):
    """A Redis that answers and may be used, and refuses what is written now."""


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

    Raises TakesNoMessage where it is the right server and refuses messages now.
    """
    try:
        client = client_for(url)
    except (ValueError, TypeError) as error:  # in what follows the ?
        wrong = f"REDIS_URL cannot be used{where_set('REDIS_URL')}: {error}"
        raise LabError(wrong, _start(url)) from None
    try:
        return check_client(client, url)
    finally:
        client.close()


def refused_message(url: str) -> TakesNoMessage | None:
    """check_redis() for whoever can do a part of the work while the broker takes no message."""
    try:
        check_redis(url)
    except TakesNoMessage as refused:
        return refused
    return None


def check_client(client: redis.Redis, url: str) -> str:
    """check_redis() with a client that is there already.

    If the URL is that of the embedded broker, the server must also have the run_id that the
    broker file names: another server may have taken the port since.
    """
    where = masked(url)
    answered = False
    try:
        run_id = run_id_of(client)
        answered = True
        if is_embedded(url) and running_broker().get("run_id") != run_id:
            raise LabError(f"the server at {where} is not the lab's broker", RESTART)
        owner = whose_database(client)
        if owner == "foreign":
            raise LabError(
                f"the database at {where} holds somebody else's data, and the lab leaves it alone"
                f"{where_set('REDIS_URL')}",
                other_address(url),
            )
        if owner == "ours":  # FLUSHALL or FLUSHDB may have taken the mark away
            with contextlib.suppress(redis.ResponseError):  # it takes no message: told below
                client.set(MARK, "again", nx=True)
        try_to_write(client)
    except redis.RedisError as error:
        raise broker_error(error, url, client, answered=answered) from None
    return owner


def broker_error(
    error: BaseException, url: str, client: redis.Redis | None = None, *, answered: bool = True
) -> LabError:
    """What a person is told of an error that came from the broker, or from kombu because of it.

    client: one that can be asked for the figures.  answered: the broker did so before.
    """
    where = masked(url)
    if why := refusal(error, lambda: _info(client)):
        hint = why.embedded_hint if is_embedded(url) else why.hint
        return TakesNoMessage(why.sentence, hint)
    if isinstance(error, redis.AuthenticationError):
        wrong = "refuses this password" if urlsplit(url).password else "wants a password"
        return LabError(
            f"the Redis at {where} {wrong}{where_set('REDIS_URL')}; it belongs into REDIS_URL, "
            "where PASSWORD stands here",
            other_address(url, password="PASSWORD"),  # noqa: S106 - it stands for one
        )
    for one in causes(error):
        if isinstance(one, ssl.SSLError):
            return _tls_error(one, where)
    if is_embedded(url) and (stopped := stopped_broker()):
        return stopped
    if answered:
        return NoAnswer(f"the broker at {where} stopped answering{_set(url)}: {error}", _start(url))
    return NoAnswer(f"no broker answers at {where}{_set(url)}", _start(url))


def _tls_error(error: ssl.SSLError, where: str) -> LabError:
    """A server took the connection, and the two do not agree on TLS."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = error.reason or error
        return LabError(
            f"TLS with the server at {where} fails: {reason}", look_at_setting("REDIS_URL")
        )
    why = error.verify_message.rstrip(".")
    sentence = f"a server answers at {where}, and its certificate is not trusted here: {why}"
    if "mismatch" in why:  # of the host's name or address: another CA changes nothing
        sentence += "; REDIS_URL must name it as its certificate does"
        return LabError(sentence, look_at_setting("REDIS_URL"))
    sentence += "; SSL_CERT_FILE, or ssl_ca_certs in REDIS_URL, names the file of who signed it"
    return LabError(sentence, "grep -n ssl_ca_certs .env.example")


def _info(client: redis.Redis | None) -> Info:
    """All that INFO says; {} where it cannot be asked."""
    if client:
        with contextlib.suppress(redis.RedisError):
            return client.info()
    return {}


def stopped_broker() -> LabError | None:
    """The error (NoAnswer) for an embedded broker that was stopped (kill -STOP); else None."""
    known = (read_state(LAB_HOME) or {}).get("embedded")
    return stopped_part("the lab's broker", ProcessId(*known), NoAnswer) if known else None


def _set(url: str) -> str:
    """Where REDIS_URL is set, if it names this address."""
    return where_set("REDIS_URL") if url == os.environ.get("REDIS_URL") else ""


def _start(url: str) -> str:
    """What to type where no broker answers."""
    if url == os.environ.get("REDIS_URL"):
        return own_broker_instead()
    # A lab that is up refuses a second ./lab up.
    return RESTART if running_lab(LAB_HOME) else "./lab up"


def own_broker_instead() -> str:
    """What makes `./lab up` bring a broker of its own."""
    if line_that_sets("REDIS_URL"):
        return "grep -n REDIS_URL .env"
    return "unset REDIS_URL; ./lab up"


def mark_as_ours(url: str) -> None:
    """Leave the lab's mark in a database that check_redis() has found to be empty or ours.

    Without it, one message to a misspelled queue would make the lab take its own database for
    somebody else's.
    """
    try:
        with client_for(url) as client:
            client.set(MARK, "lab up")
    except redis.RedisError as error:
        raise broker_error(error, url) from None
