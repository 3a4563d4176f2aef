"""A broker that lives and says nothing: a caller gets an error, and a worker waits."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from celery_app import app
from lab_home import ROOT
from labkit.broker.queues import oldest
from tests.stack.helpers.labs import stopped, wait_until
from tests.stack.helpers.patient import Patient, ward

__all__ = ["ward"]

ERROR_S = 60  # usually 15 s: three times socket_timeout
NAP_S = 2  # it ends long before the callers have their errors
UNTAKEN = "advanced"  # the ward's worker takes from another queue
# With "later" in its line it sends a first message while the broker still answers.
CALLER = f"""
import sys
from celery_app import app
from tasks.basic_tasks import add
if "as_celery" in sys.argv:
    app.conf.broker_transport_options = {{"socket_connect_timeout": 2}}
    app.conf.redis_socket_timeout = 120
if "later" in sys.argv:
    add.apply_async((1, 2), queue="{UNTAKEN}")
print("ready", flush=True)
sys.stdin.readline()
try:
    print("sent", add.apply_async((1, 2), queue="{UNTAKEN}").id)
except Exception as error:
    print(type(error).__name__, str(error).strip().splitlines()[0])
"""


@contextmanager
def caller(ward: Patient, *how: str) -> Iterator[subprocess.Popen]:
    """A program that is about to send a task."""
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, *how],
        cwd=ROOT,
        env=ward.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        yield program
        program.kill()


def go(*programs: subprocess.Popen) -> None:
    """Let them send."""
    for program in programs:
        assert program.stdin
        program.stdin.write("\n")
        program.stdin.flush()


def said(program: subprocess.Popen) -> str:
    """What it says in the end."""
    return program.communicate(timeout=ERROR_S)[0]


def test_delay_ends_with_an_error_and_a_worker_keeps_its_result(ward):
    ward.client.delete(UNTAKEN)
    with (
        caller(ward) as first,
        caller(ward, "later") as later,
        caller(ward, "as_celery") as by_celery,
    ):
        nap = ward.send("nap", NAP_S)
        ward.wait_for_state(nap, "STARTED")
        with stopped(ward.broker.process.pid):
            go(first, later, by_celery)
            assert said(first).startswith("RuntimeError Retry limit exceeded")
            assert said(later) == "OperationalError Timeout reading from socket\n"
            assert by_celery.poll() is None, "with Celery's own values it still hangs"
    # One before the pause, and one of the caller that got an error: it was sent all the same.
    wait_until(lambda: len(set(untaken(ward))) == 2, what="the message of an error is there")
    assert len(untaken(ward)) == 2
    # The task ended while nothing could be stored: with the callers' 5 s it would be a FAILURE.
    ward.wait_for_state(nap, "SUCCESS")
    assert ward.shared_worker.process.poll() is None


def test_a_pause_longer_than_the_timeout_puts_one_task_on_the_queue_twice(ward):
    ward.client.delete(UNTAKEN)
    with caller(ward, "later") as program:
        ports = connections(program)
        with stopped(ward.broker.process.pid):
            go(program)
            wait_until(lambda: connections(program) - ports, ERROR_S, "it tries once more")
        answer = said(program)
    ids = untaken(ward)
    assert answer == f"sent {ids[-1]}\n"
    assert ids[1:] == [ids[-1]] * 2, ids


def untaken(ward: Patient) -> list[str]:
    """The ids of the messages that nobody takes, oldest first."""
    return [message.task_id for message in oldest(ward.client, UNTAKEN, 9)]


def connections(program: subprocess.Popen) -> set[int]:
    """The local ports of a program's connections."""
    return {one.laddr.port for one in psutil.Process(program.pid).net_connections() if one.raddr}


def test_a_worker_waits_longer_than_a_caller(ward):
    name = ward.shared_worker.name
    settings = ward.app.control.inspect([name], timeout=5).conf()[name]
    assert settings["broker_transport_options"]["socket_timeout"] == 30
    assert settings["redis_socket_timeout"] == 120
    assert app.conf.broker_transport_options["socket_timeout"] == app.conf.redis_socket_timeout == 5
