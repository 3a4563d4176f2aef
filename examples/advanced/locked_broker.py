"""A broker with a password, with a user that may only send, and behind TLS.  Lesson 39 runs it."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from labkit.long_lines import cut
from labkit.own.broker import OwnBroker
from labkit.own.tls import tls_front
from tasks.advanced_tasks import total_price

STRICT, TRUSTING = "lesson39.strict", "lesson39.trusting"  # queues
WIDTH = 70  # columns of a refusal
TIMEOUT_S = 30  # nothing here takes 2 s; the rest is room for a busy machine
ASIDE: dict[str, Any] = {"set_as_current": False}  # the lab's own app stays the current one


def without_a_password(broker: OwnBroker) -> str:
    """What the broker says to somebody who has none."""
    stranger = f"redis://127.0.0.1:{urlsplit(broker.url).port}/0"
    return refusal(lambda: price_of(app_for(stranger)))


def as_a_sender(broker: OwnBroker, shop: Celery, may: str) -> dict[str, str]:
    """Make a user with these rights, and send as that user; then try more: {what: the refusal}."""
    secret = secrets.token_urlsafe()
    with broker.client() as client:
        client.execute_command("ACL", "SETUSER", "web", "reset", "on", f">{secret}", *may.split())
    address = f"redis://web:{secret}@127.0.0.1:{urlsplit(broker.url).port}/0"
    web, plain = app_for(address), redis.Redis.from_url(address)
    task_id = price_of(web)
    print("web sends a task; its result is", result_of(shop, task_id))
    return {
        "look into the queue": refusal(lambda: plain.lrange(STRICT, 0, -1)),
        "take a message": refusal(lambda: plain.rpop(STRICT)),
        "read that result": refusal(lambda: plain.get(f"celery-task-meta-{task_id}")),
        "send to another queue": refusal(lambda: price_of(web, TRUSTING)),
        "stop all workers": refusal(web.control.shutdown),
    }


def by_tls(broker: OwnBroker, keys: Path, check_by: str) -> dict[str, str]:
    """Reach the broker by TLS: what comes back where each certificate is the one to check it by.

    check_by: what stands behind the address, "?...", with {certificate} in it.
    """
    behind = urlsplit(broker.url)
    right, wrong = (
        check_by.format(certificate=quote(str(keys / name)))
        for name in ("shop.pem", "stranger.pem")
    )
    with tls_front(behind.port or 0, keys / "shop.key", keys / "shop.pem") as port:
        address = f"rediss://:{behind.password}@127.0.0.1:{port}"
        shop = Celery(broker=f"{address}/0{right}", backend=f"{address}/0{right}", **ASIDE)
        unsaid = Celery(broker=f"{address}/2", backend=f"{address}/2", **ASIDE)
        return {
            "the right certificate": result_of(shop, price_of(shop)),
            # Database 1, because kombu would give this app the open connection of the other one:
            # two addresses that differ in what stands behind the ? are the same to it.
            "another certificate": refusal(lambda: price_of(app_for(f"{address}/1{wrong}"))),
            "nothing about certificates": refusal(lambda: price_of(unsaid)),
        }


def app_for(address: str) -> Celery:
    """An app that knows a broker, and nothing of results."""
    app = Celery(broker=address, **ASIDE)
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0}  # else 6 s
    return app


def price_of(app: Celery, queue: str = STRICT) -> str:
    """Send one task; return its id."""
    return app.send_task(total_price.name, (12900, 2), queue=queue, retry=False).id


def result_of(app: Celery, task_id: str) -> Any:
    """Wait for the result of a task."""
    return app.AsyncResult(task_id).get(timeout=TIMEOUT_S)


def refusal(action: Callable[[], Any]) -> str:
    """Why the broker refuses something, in one line; "" if it does not."""
    try:
        action()
    except (OperationalError, redis.RedisError, ValueError) as error:
        text = " ".join(str(error).split())
        return cut(
            re.sub(r"^(Command # .* caused error: |Error \d+ connecting to \S+ )", "", text), WIDTH
        )
    return ""
