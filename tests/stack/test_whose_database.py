"""The lab knows its own database from somebody else's, in a real server, and marks it first."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from lab_home import MARK, ROOT, whose_database
from labkit.broker.server import EmbeddedBroker
from tests.stack.helpers.labs import lab_environment, running

SEND = "from tasks.basic_tasks import add; add.delay(1, 2)"
SEND_TO_ORDERS = "from tasks.basic_tasks import add; add.apply_async((1, 2), queue='orders')"
ASK = "from celery_app import app; app.control.inspect(timeout=0.1).ping()"
FOREIGN = "error: the database at redis://:***@127.0.0.1:"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    with running(broker):
        yield broker


@pytest.fixture
def client(server: EmbeddedBroker) -> Iterator[redis.Redis]:
    """A client of a database without keys."""
    with redis.Redis.from_url(server.url, decode_responses=True) as one:
        one.flushdb()
        yield one


@pytest.mark.parametrize(
    ("keys", "owner"),
    [
        ([], "empty"),
        (["_kombu.binding_deadlines", "_kombu.binding.celeryev"], "empty"),
        ([MARK, "anything"], "ours"),
        (["celery-task-meta-1"], "foreign"),  # the result database of another project
        (["celery", "_kombu.binding.celery"], "foreign"),
        (["basic", "_kombu.binding.basic"], "foreign"),  # a name of ours proves nothing
        (["_kombu.binding_deadlines", "session:1"], "foreign"),
        ([b"\xff\xfe"], "foreign"),
    ],
)
def test_whose_database(client, keys, owner):
    for key in keys:
        client.set(key, "value")
    assert whose_database(client) == owner
    assert client.dbsize() == len(keys)


def python(url: str, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Python in the lab's folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=lab_environment(home, REDIS_URL=url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("code", [SEND, SEND_TO_ORDERS])
def test_a_message_that_is_sent_before_any_worker_ran_marks_its_database(
    server, client, tmp_path, code
):
    assert python(server.url, tmp_path, "-c", code).returncode == 0
    assert client.exists(MARK)
    assert whose_database(client) == "ours"


def test_a_question_to_workers_that_never_came_leaves_the_database_empty(server, client, tmp_path):
    python(server.url, tmp_path, "-c", ASK)
    assert client.dbsize() > 0
    assert whose_database(client) == "empty"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", SEND),
        ("-m", "celery", "-A", "celery_app", "worker", "--pool=solo"),
        ("-m", "celery", "-A", "celery_app", "beat", "--schedule=", "--pidfile="),
    ],
    ids=["send", "worker", "beat"],
)
def test_nothing_is_written_into_somebody_elses_database(server, client, tmp_path, arguments):
    client.set("customer:1", "Ada")
    done = python(server.url, tmp_path, *arguments)
    assert done.returncode == 1
    assert FOREIGN in done.stderr and "somebody else's data" in done.stderr
    assert "/5 ./lab up" in done.stderr.partition("\n\nhint: REDIS_URL=")[2]
    assert client.keys() == ["customer:1"]


def test_a_program_that_goes_on_sending_marks_its_database_again(server, client, tmp_path):
    """FLUSHALL takes the mark away, and somebody else may be the first to write then."""
    code = "from tasks.basic_tasks import add; import lab_guard, redis; lab_guard.FRESH_S = 0;"
    code += "add.delay(1, 2); client = redis.Redis.from_url('{0}'); client.flushdb();"
    code += "client.lpush('other', 'x'); add.delay(1, 2)"
    assert python(server.url, tmp_path, "-c", code.format(server.url)).returncode == 0
    assert client.exists(MARK, "other", "basic") == 3
