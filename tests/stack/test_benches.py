"""Messages on a real Redis and a real RabbitMQ: which orders have one, and who can read it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.broker.check import client_for
from labkit.side_by_side.bench import Bench
from labkit.side_by_side.rabbitmq import OwnAmqp
from tasks.other_app import app_on, print_ticket_elsewhere
from work.ledger import Ledger

READER = Path(__file__).parents[2] / "examples/advanced/reader_without_celery.py"


class Killed:
    """Stands for a worker."""

    kills = 0

    def kill(self) -> None:
        self.kills += 1


def bench_at(url: str, queue: str, folder: Path) -> Bench:
    """A bench that has sent TL-1 to TL-4; TL-1 is finished."""
    worker: Any = Killed()
    ledger = Ledger(folder, "run")
    app = app_on(url, confirm_publish=True)  # what was sent is in the queue when it was sent
    bench = Bench({"work": queue}, app, app, worker, ledger, print_ticket_elsewhere.name)
    for order in ("TL-1", "TL-2", "TL-3", "TL-4"):
        bench.send(order)
    ledger.note("START", "TL-1")
    ledger.note("END", "TL-1")
    return bench


def test_on_redis_a_message_in_the_queue_or_unacked_is_left(redis_server, tmp_path):
    bench = bench_at(url := redis_server(), "bench", tmp_path)
    with client_for(url) as client:
        client.rpop("bench")  # of TL-1, which is finished
        client.rpop("bench")  # of TL-2: lost between two steps
        taken: Any = client.rpop("bench")
        client.hset("unacked", "tag", taken)  # of TL-3
        assert bench.orders_left() == {"TL-3", "TL-4"}
        client.delete("unacked", "bench")
        assert bench.orders_left() == set()


@pytest.fixture
def amqp(rabbitmq: str) -> Iterator[OwnAmqp]:
    """RabbitMQ with queues of these tests' own.

    Each test has another one: kombu makes a queue once in the life of a connection.
    """
    mine = OwnAmqp(rabbitmq, "test", ("bench", "reader"))
    mine.remove_all()
    yield mine
    mine.remove_all()


def test_on_rabbitmq_the_worker_is_killed_and_what_waits_then_is_left(amqp, tmp_path):
    queue = amqp.name("bench")
    bench = bench_at(amqp.url, queue, tmp_path)
    with amqp.connection() as connection:
        channel = connection.default_channel
        for _ in ("TL-1", "TL-2"):
            channel.basic_get(queue, no_ack=True)
        channel.basic_get(queue)  # TL-3, not acknowledged; the end of the connection gives it back
    assert bench.orders_left() == {"TL-3", "TL-4"}
    killed: Any = bench.worker
    assert killed.kills == 1
    with amqp.connection() as connection:
        assert connection.default_channel.queue_declare(queue, passive=True).message_count == 2


def read(url: str, queue: str, *python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(python or [str(READER)]), queue],
        env=os.environ | {"LESSON_BROKER_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_reader_takes_one_message_from_redis(redis_server, tmp_path):
    bench_at(url := redis_server(), "bench", tmp_path)
    printed = f'{print_ticket_elsewhere.name} ["run", "TL-1", 0]\n'
    assert read(url, "bench").stdout == printed
    with client_for(url) as client:
        assert client.llen("bench") == 3


def test_the_reader_takes_one_message_from_rabbitmq(amqp, tmp_path):
    bench_at(amqp.url, queue := amqp.name("reader"), tmp_path)
    printed = f'{print_ticket_elsewhere.name} ["run", "TL-1", 0]\n'
    ended = read(amqp.url, queue)
    assert ended.stdout == printed, ended.stderr
    with amqp.connection() as connection:
        assert connection.default_channel.queue_declare(queue, passive=True).message_count == 3


def test_a_reader_that_has_imported_celery_says_so_and_fails(redis_server, tmp_path):
    bench_at(url := redis_server(), "bench", tmp_path)
    with_celery = f"import celery.app, runpy; runpy.run_path({str(READER)!r})"
    ended = read(url, "bench", "-c", with_celery)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("this program was to work without ")
