"""Serialization and security: see what a message can do to a worker, and who may send one.

A message is bytes from a network.  Whoever can write to your broker can send your workers any task
with any arguments.  If a worker accepts pickle, they can send it any code: unpickling calls the
functions that the bytes name.  So the lab's workers take JSON, which is data and nothing else.

Two workers get the same pickle message, one with the lab's settings and one that accepts pickle.
The code in the message is harmless: it writes the number of its process into a file.  Then you see
what JSON, YAML and pickle keep of a value; a broker with a password; a user of the broker that may
only send; TLS; and signed messages.  Keys and certificates are made on the spot.

Broker and workers are this lesson's own.  The lab's broker has no TLS, so a small program stands
before it that has, as `stunnel` would.  Beside this file are three_serializers.py, which compares,
and signed_messages.py with signed_shop.py, an app that signs what it sends.

The task is `total_price` in tasks/advanced_tasks/prices.py.

    ./lab run 39        # about 10 s

Watch: how a refusal looks in a worker's log: less .lab/logs/lesson39-strict.log
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ celery --workdir=examples/advanced -A signed_shop worker -n lesson39-signed@%h ...
    $ ./start_worker.sh -n lesson39-strict@%h --queues=lesson39.strict --concurrency=1
    $ ./start_worker.sh -n lesson39-trusting@%h ... -- 'accept.content=(json)["json", "pickle"]'
    strict: kombu.exceptions.ContentDisallowed: Refusing to deserialize ... of type pickle ...
    strict: the next message, in JSON: 25800
    true: strict: the message is gone, and its sender is told nothing: PENDING for ever
    true: trusting: the code ran in a process of the worker, and the task says SUCCESS
                          json          yaml          pickle
    text, numbers, None   same          same          same
    datetime              same          same          same
    bytes                 same          same          same
    Decimal               same          refused       same
    UUID                  same          refused       same
    tuple                 [12, 'A']     [12, 'A']     same
    set                   refused       same          same
    dict with int keys    {'12': 'A'}   same          same
    a class of your own   refused       refused       same
    200 flights, bytes    ...
    the time, JSON = 1    1.0           ...
    true: YAML takes more than 10 times as long as JSON: Python code reads it, not C
    without a password: Authentication required.
    ACL SETUSER web reset on >PASSWORD +ping +multi +exec +llen +sadd +lpush ...
    web sends a task; its result is 25800
      look into the queue    User web has no permissions to run the 'lrange' command
      take a message         User web has no permissions to run the 'rpop' command
      read that result       User web has no permissions to run the 'get' command
      send to another queue  ... No permissions to access a key
      stop all workers       User web has no permissions to run the 'publish' command
    true: a user that may only send can do nothing else of these
    TLS, the right certificate: 25800
    TLS, another certificate: ...CERTIFICATE_VERIFY_FAILED...
    TLS, nothing about certificates: A rediss:// URL must have parameter ssl_cert_reqs ...
    true: a broker with the wrong certificate gets no message, and Celery wants to be told of it
    signed by the shop    charged TL-1
    not signed            refused: invalid task message: Refusing to deserialize untrusted ...
    signed by a stranger  refused: Unknown certificate
    another order in it   refused: Bad signature
    true: what is not signed by the shop, or was changed, did not run
    another task named    refunded TL-1
    true: but the signature covers the arguments alone: the task that is named beside them ran

Try next.  Guess first:
  1. In three_serializers.py, import timedelta from datetime, and add "timedelta":
     timedelta(hours=2) to VALUES.  Who refuses it?
  2. Add +publish &* to MAY_SEND.  What is the user able to do now?
  3. In signed_shop.py, take JSON, too: accept_content=["auth", "json"].  What does Celery say?
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

import redis
import signed_messages
import three_serializers
from celery import Celery
from kombu.exceptions import OperationalError

from labkit.broker.quiet import messages
from labkit.lesson import claim, run_lesson
from labkit.own.broker import OwnBroker, own_broker
from labkit.own.program import started
from labkit.own.tls import tls_front
from labkit.own.workers import Worker, WorkerLine, workers_of
from tasks.advanced_tasks import total_price

STRICT, TRUSTING = "lesson39.strict", "lesson39.trusting"
TIMEOUT_S = 30  # nothing here takes 2 s; the rest is room for a busy machine
# What a program needs that sends to one queue and reads nothing.  %W: keys that it may write only.
MAY_SEND = (
    "+ping +multi +exec +llen +sadd +lpush %W~lesson39.strict* %W~_kombu.binding*.lesson39.strict"
)


class Code:
    """Python code as a message: whoever unpickles it calls eval with this text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return eval, (self.text,)


def main() -> None:
    with (
        TemporaryDirectory() as folder,
        own_broker("lesson39") as broker,
        broker.client() as client,
        broker.app() as shop,
    ):
        keys = Path(folder)
        signed_messages.make_keys(keys)
        with all_workers(broker, keys) as (strict, trusting, signed):
            send_code(broker.home / "marker", shop, client, strict, trusting)
            times_json = three_serializers.show()
            claim(
                times_json > 10,
                "YAML takes more than 10 times as long as JSON: Python code reads it, not C",
            )
            passwords(broker, client, shop)
            encrypted(broker, keys)
            signed_messages.send_all(broker, client, shop, signed, keys)


@contextmanager
def all_workers(broker: OwnBroker, keys: Path) -> Iterator[tuple[Worker, Worker, Worker]]:
    """Start the three workers side by side."""
    where = broker.environment()
    risky = where | {"C_FORCE_ROOT": "1"}  # as root it does not start without
    accept = ['accept.content=(json)["json", "pickle"]']
    lines = [
        WorkerLine("lesson39-strict", [STRICT], ["--concurrency=1"], [], where),
        WorkerLine("lesson39-trusting", [TRUSTING], ["--concurrency=1"], accept, risky),
    ]
    with ExitStack() as running:
        command, signing = signed_messages.WORKER, where | signed_messages.signer(keys, "shop")
        signed = running.enter_context(started(Worker, "lesson39-signed", command, signing))
        strict, trusting = running.enter_context(workers_of(lines))
        signed.wait_until_ready(f"{signed.name} ready.")  # it hears no unsigned question
        try:
            yield strict, trusting, signed
        finally:
            signed.ask_to_stop()  # all three at the same time


def send_code(
    marker: Path, shop: Celery, client: redis.Redis, strict: Worker, trusting: Worker
) -> None:
    """Send both workers a message whose code writes a process id into the file `marker`."""
    code = f"__import__('pathlib').Path({str(marker)!r}).write_text(str(__import__('os').getpid()))"
    refused, taken = (
        shop.send_task(total_price.name, (Code(code), 2), queue=queue, serializer="pickle")
        for queue in (STRICT, TRUSTING)
    )
    print("strict:", strict.line_with("ContentDisallowed", TIMEOUT_S))
    after = shop.send_task(total_price.name, (12900, 2), queue=STRICT)
    print("strict: the next message, in JSON:", after.get(timeout=TIMEOUT_S))
    claim(
        refused.state == "PENDING" and not messages(client, [STRICT]),  # queued or unacked
        "strict: the message is gone, and its sender is told nothing: PENDING for ever",
    )
    taken.get(timeout=TIMEOUT_S)
    claim(
        int(marker.read_text()) in {process.pid for process in trusting.identity.group()},
        f"trusting: the code ran in a process of the worker, and the task says {taken.state}",
    )


def passwords(broker: OwnBroker, client: redis.Redis, shop: Celery) -> None:
    """Send without a password; then as a user that may only send."""
    port, secret = urlsplit(broker.url).port, secrets.token_urlsafe()
    stranger = f"redis://127.0.0.1:{port}/0"
    print("without a password:", refusal(lambda: price_of(app_for(stranger))))
    client.execute_command("ACL", "SETUSER", "web", "reset", "on", f">{secret}", *MAY_SEND.split())
    print(f"ACL SETUSER web reset on >PASSWORD {MAY_SEND}")
    address = f"redis://web:{secret}@127.0.0.1:{port}/0"
    web, plain = app_for(address), redis.Redis.from_url(address)
    task_id = price_of(web)
    print("web sends a task; its result is", result_of(shop, task_id))
    refusals = {
        "look into the queue": refusal(lambda: plain.lrange(STRICT, 0, -1)),
        "take a message": refusal(lambda: plain.rpop(STRICT)),
        "read that result": refusal(lambda: plain.get(f"celery-task-meta-{task_id}")),
        "send to another queue": refusal(lambda: price_of(web, TRUSTING)),
        "stop all workers": refusal(web.control.shutdown),
    }
    for what, why in refusals.items():
        print(f"  {what:<23}{why}")
    claim(all(refusals.values()), "a user that may only send can do nothing else of these")


def app_for(address: str) -> Celery:
    """An app that knows a broker, and nothing of results."""
    app = Celery(broker=address, set_as_current=False)
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0}  # else 6 s
    return app


def price_of(app: Celery, queue: str = STRICT) -> str:
    """Send one task; return its id."""
    return app.send_task(total_price.name, (12900, 2), queue=queue, retry=False).id


def result_of(app: Celery, task_id: str) -> int:
    return app.AsyncResult(task_id).get(timeout=TIMEOUT_S)


def refusal(action: Callable[[], Any]) -> str:
    """Why the broker refuses something; "" if it does not."""
    try:
        action()
    except (OperationalError, redis.RedisError, ValueError) as error:
        return str(error)
    return ""


def encrypted(broker: OwnBroker, keys: Path) -> None:
    """Reach the broker by TLS: with the certificate to check it by, with another one, without."""
    behind = urlsplit(broker.url)
    with tls_front(behind.port or 0, keys / "shop.key", keys / "shop.pem") as port:
        address = f"rediss://:{behind.password}@127.0.0.1:{port}"
        check_by = f"?ssl_cert_reqs=required&ssl_ca_certs={quote(str(keys))}"
        checked = f"{address}/0{check_by}/shop.pem"
        shop = Celery(broker=checked, backend=checked, set_as_current=False)
        # Database 1, because kombu would give this app the open connection of the other one: two
        # addresses that differ in what stands behind the ? are the same to it.
        other = f"{address}/1{check_by}/stranger.pem"
        unsaid = Celery(broker=f"{address}/2", backend=f"{address}/2", set_as_current=False)
        print("TLS, the right certificate:", result_of(shop, price_of(shop)))
        refusals = [refusal(lambda: price_of(app_for(other))), refusal(lambda: price_of(unsaid))]
    print("TLS, another certificate:", refusals[0])
    print("TLS, nothing about certificates:", " ".join(refusals[1].split()))
    claim(
        "CERTIFICATE_VERIFY_FAILED" in refusals[0] and "ssl_cert_reqs" in refusals[1],
        "a broker with the wrong certificate gets no message, and Celery wants to be told of it",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
