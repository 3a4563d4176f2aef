"""The questions that lesson 41 puts to each broker, in kombu, the library below Celery."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from labkit.processes.start import child_environment
from labkit.side_by_side.bench import Bench
from labkit.waiting import wait_until
from tasks.other_app import app_on

READER = Path(__file__).with_name("reader_without_celery.py")
SLOW_JOB_S = 1.0
TRIES = 6
SOON_S = 2  # a message that is given back is there again in milliseconds
TIMEOUT_S = 30


def routed(bench: Bench) -> str:
    """Bind two queues to a topic exchange, send one message to it, and see who has it."""
    exchange = Exchange(bench.names["shop"], "topic")
    bindings = {"mail": "ticket.*", "audit": "#"}
    with bench.app.connection_for_write() as connection:
        channel = connection.default_channel
        queues = [Queue(bench.names[one], exchange, key)(channel) for one, key in bindings.items()]
        for queue in queues:
            queue.declare()
        bench.careful.send_task(
            bench.task,
            (bench.ledger.run, "TL-1", 0),
            exchange=exchange.name,
            routing_key="ticket.sold",
            declare=queues,  # RabbitMQ has them by now.  Redis does not keep an exchange's type
            ignore_result=True,
        )
        return f"{sum(held(queue) for queue in queues)} copies"


def held(queue: Queue) -> int:
    """How many messages wait in a queue."""
    return queue.queue_declare(passive=True).message_count


def kept_where(bench: Bench) -> str:
    """Look for the exchange: a set of its bindings on Redis; RabbitMQ is asked by its name."""
    name = bench.names["shop"]
    with bench.app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        if connection.transport.driver_type == "redis":
            return f"a key, {channel.client.scard(f'_kombu.binding.{name}')} lines"
        try:
            channel.exchange_declare(name, "topic", passive=True)  # an error if it is not there
        except connection.channel_errors:
            return "nowhere"
        return "in the broker"


def read_without_celery(bench: Bench) -> str:
    """Let reader_without_celery.py take Celery's message: which order does it find?"""
    ended = subprocess.run(
        [sys.executable, READER, bench.names["audit"]],
        env=child_environment(LESSON_BROKER_URL=bench.app.conf.broker_url),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    task, _, arguments = ended.stdout.partition(" ")
    if ended.returncode or task != bench.task:
        return "not readable"
    _run, order, _seconds = json.loads(arguments)
    return order


def priorities(bench: Bench) -> str:
    """Send three jobs, and only then start a worker: in which order does it run them?"""
    for priority in (5, 0, 9):
        bench.send(f"priority {priority}", priority=priority)
    bench.worker.start()
    bench.wait_for(lambda: bench.ended() == 3)
    lines = bench.ledger.entries()
    return " ".join(one.job.split()[1] for one in lines if one.event == "END")


def deliveries(arguments: Mapping[str, Any], bench: Bench) -> str:
    """Take a message and give it back, up to TRIES times: how often does it come?"""
    name = bench.names["poison"]
    queue = Queue(name, Exchange(name), name, queue_arguments=arguments)
    bench.careful.send_task(bench.task, ("", "TL-2", 0), queue=queue, ignore_result=True)
    counts: list[int | None] = []
    with bench.app.connection_for_read() as connection:
        bound = queue(connection.default_channel)
        while len(counts) < TRIES and (message := next_message(bound)):
            counts.append(message.headers.get("x-delivery-count"))
            message.requeue()
    counted = ", counted" if counts == list(range(len(counts))) else ""
    return f"{len(counts)} times{counted}"


def next_message(queue: Queue) -> Any:
    """Take the next message; None if none comes in SOON_S seconds."""
    deadline = time.monotonic() + SOON_S
    while not (message := queue.get()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return message


def three_into_two(arguments: Mapping[str, Any], options: Mapping[str, Any], bench: Bench) -> str:
    """Send three messages to a queue that has room for two: who knows of the third?"""
    name = bench.names["sure" if options else "full"]
    queue = Queue(name, Exchange(name), name, queue_arguments=arguments)
    sent = 0
    # region refused
    with app_on(bench.app.conf.broker_url, **options) as sender:
        for number in range(3):
            try:
                sender.send_task(bench.task, ("", f"TL-{number}", 0), queue=queue)
                sent += 1
            except OperationalError:
                pass  # this sender knows: it can try again later, or tell somebody
    # endregion
    with bench.app.connection_for_read() as connection:
        bound = queue(connection.default_channel)
        wait_until(lambda: held(bound) >= 2, TIMEOUT_S)
        return f"{sent} sent, {held(bound)} kept"


def back_after_s(bench: Bench) -> float:
    """Kill the worker in the middle of a job and start another one: when is the job there again?"""
    bench.send("slow", SLOW_JOB_S)
    bench.wait_for(lambda: len(bench.starts("slow")) == 1)
    bench.worker.kill()
    killed = time.time()
    bench.worker.start()
    bench.wait_for(lambda: len(bench.starts("slow")) == 2)
    return round(bench.starts("slow")[1] - killed, 1)
