"""Signed messages, and what a worker that takes nothing else does to others.  Lesson 39 runs it.

The app that signs is in signed_shop.py, beside this file.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from labkit.lesson import claim
from labkit.own.broker import OwnBroker
from labkit.own.tampering import with_another_task, with_another_text
from labkit.own.tls import make_certificate
from labkit.own.workers import Worker
from labkit.processes.start import child_environment

QUEUE, DRAWER = "lesson39.signed", "lesson39.drawer"  # the drawer is a queue without a worker
TIMEOUT_S = 30  # nothing here takes 2 s; the rest is room for a busy machine
HERE = Path(__file__).parent
WORKER = (
    "celery --workdir=examples/advanced -A signed_shop worker -n lesson39-signed@%h "
    f"--queues={QUEUE} --concurrency=1 --loglevel=info --without-mingle --without-gossip"
).split()


def make_keys(folder: Path) -> None:
    """Keys and certificates of a shop and of a stranger; only the shop is trusted."""
    for name in ("shop", "stranger"):
        make_certificate(folder, name)
    (folder / "trusted").mkdir()
    shutil.copy(folder / "shop.pem", folder / "trusted")


def signer(keys: Path, name: str) -> dict[str, str]:
    """What signed_shop.py must find in its environment."""
    return {"SIGN_FOLDER": str(keys), "SIGN_NAME": name}


def send_all(
    broker: OwnBroker, client: redis.Redis, shop: Celery, worker: Worker, keys: Path
) -> None:
    """Send the worker signed, unsigned, foreign and changed messages; say what became of them."""
    by_shop = send_signed(broker, keys, "shop", QUEUE)
    send_signed(broker, keys, "shop", DRAWER)
    caught: Any = client.rpop(DRAWER)  # a signed message, on its way
    other_order, forged = with_another_text(caught, "TL-1", "TL-2")
    other_task, replayed = with_another_task(caught, "signed.refund")
    client.lpush(QUEUE, forged, replayed)
    refused = {
        "not signed": (
            shop.send_task("signed.charge", ("TL-1",), queue=QUEUE).id,
            # Questions to all workers are refused here, too, but they are no task messages.
            "invalid task message: Refusing to deserialize untrusted content of type json",
        ),
        "signed by a stranger": (
            send_signed(broker, keys, "stranger", QUEUE),
            "Unknown certificate",
        ),
        "another order in it": (other_order, "Bad signature"),
    }
    print(f"{'signed by the shop':<22}{result_of(shop, by_shop)}")
    for what, (_, reason) in refused.items():
        print(f"{what:<22}refused: {reason if worker.line_with(reason, TIMEOUT_S) else ''}")
    claim(
        not client.exists(*(f"celery-task-meta-{task_id}" for task_id, _ in refused.values())),
        "what is not signed by the shop, or was changed, did not run",
    )
    answer = result_of(shop, other_task)
    print(f"{'another task named':<22}{answer}")
    claim(
        answer == "refunded TL-1",
        "but the signature covers the arguments alone: the task that is named beside them ran",
    )


def send_signed(broker: OwnBroker, keys: Path, name: str, queue: str) -> str:
    """Let signed_shop.py send charge("TL-1") with the key of this name; return the task's id."""
    program = [sys.executable, str(HERE / "signed_shop.py"), "TL-1", queue]
    environment = child_environment(**broker.environment(), **signer(keys, name))
    return subprocess.run(
        program, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT_S
    ).stdout.strip()


def result_of(shop: Celery, task_id: str) -> Any:
    return shop.AsyncResult(task_id).get(timeout=TIMEOUT_S)
