"""Signed messages, and what a worker that takes nothing else does to others.  Lesson 39 runs it.

The app that signs is in signed_shop.py, beside this file.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from labkit.lesson import claim, table
from labkit.own.broker import OwnBroker
from labkit.own.program import started
from labkit.own.tampering import with_another_task, with_another_text
from labkit.own.tls import make_certificate
from labkit.own.workers import Worker
from labkit.processes.start import child_environment

QUEUE, DRAWER = "lesson39.signed", "lesson39.drawer"  # the drawer is a queue without a worker
TASK = "invalid task message: "  # begins a line in the worker's log
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


@contextmanager
def signing_worker(broker: OwnBroker, keys: Path) -> Iterator[Worker]:
    """Make the keys, and start a worker of signed_shop.py: it takes what the shop has signed."""
    make_keys(keys)
    environment = broker.environment() | signer(keys, "shop")
    with started(Worker, "lesson39-signed", WORKER, environment) as worker:
        yield worker


def send_all(broker: OwnBroker, shop: Celery, worker: Worker, keys: Path) -> None:
    """Send the worker signed, unsigned, foreign and changed messages; say what became of them."""
    worker.wait_until_ready(f"{worker.name} ready.")  # it hears no unsigned question
    by_shop = send_signed(broker, keys, "shop", QUEUE)
    send_signed(broker, keys, "shop", DRAWER)
    with broker.client() as client:
        caught: Any = client.rpop(DRAWER)  # a signed message, on its way
        other_order, forged = with_another_text(caught, "TL-1", "TL-2")
        other_task, replayed = with_another_task(caught, "signed.refund")
        client.lpush(QUEUE, forged, replayed)
    refused = {
        "not signed": (
            shop.send_task("signed.charge", ("TL-1",), queue=QUEUE).id,
            # Questions to all workers are refused here, too, but they are no task messages.
            f"{TASK}Refusing to deserialize untrusted content of type json",
        ),
        "signed by a stranger": (
            send_signed(broker, keys, "stranger", QUEUE),
            "Unknown certificate",
        ),
        "another order in it": (other_order, "Bad signature"),
    }
    answer = result_of(shop, other_task)
    table(
        rows=[
            ("signed by the shop", result_of(shop, by_shop)),
            *(
                (what, f"refused: {reason.removeprefix(TASK)}")
                for what, (_, reason) in refused.items()
                if worker.line_with(reason, TIMEOUT_S)
            ),
            ("another task named", answer),
        ]
    )
    with broker.client() as client:
        stored = client.exists(*(f"celery-task-meta-{task_id}" for task_id, _ in refused.values()))
    claim(not stored, "what is not signed by the shop, or was changed, did not run")
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
