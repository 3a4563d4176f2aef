"""Lessons 40 to 42 with RabbitMQ and PostgreSQL; test_lessons_advanced.py runs them without."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import create_engine, text

from tests.stack.helpers.labs import Lab

TIMEOUT_S = 300


@pytest.fixture
def run_with_all_servers(rabbitmq: str, postgresql: str, lab: Lab) -> Callable[[str], str]:
    """Run a lesson that must keep its promise with RabbitMQ and PostgreSQL; what it prints."""

    def run(number: str) -> str:
        servers = {"AMQP_URL": rabbitmq, "DATABASE_URL": postgresql}
        printed = lab.lesson(number, TIMEOUT_S, COLUMNS="300", **servers)  # no command is cut
        assert "left out" not in printed
        return printed

    return run


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.parametrize("number", ["41", "42"])
def test_a_lesson_prints_what_it_promises_with_all_servers(run_with_all_servers, number):
    run_with_all_servers(number)


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_lesson_40_prints_what_it_promises_and_leaves_nothing_on_the_servers(
    run_with_all_servers, rabbitmq: str, postgresql: str
):
    printed = run_with_all_servers("40")
    named = re.search(r"--queues=lesson40-(\w{8})-rpc ", printed)
    assert named, printed
    mark = named[1]  # the schema has the same one
    with Connection(rabbitmq) as connection:
        for what in ("queue", "exchange"):
            assert is_missing(connection, what, f"lesson40-{mark}-rpc")
    engine = create_engine(f"postgresql+psycopg://{postgresql.partition('://')[2]}")
    with engine.connect() as database:
        query = "SELECT count(*) FROM pg_namespace WHERE nspname = :name"
        assert database.scalar(text(query), {"name": f"lesson40_{mark}"}) == 0
    engine.dispose()


def is_missing(connection: Connection, what: str, name: str) -> bool:
    """Whether RabbitMQ says NOT_FOUND for a queue or an exchange; that closes the channel."""
    channel: Any = connection.channel()
    try:
        if what == "queue":
            channel.queue_declare(name, passive=True)
        else:
            channel.exchange_declare(name, "direct", passive=True)
    except connection.channel_errors as error:
        return "NOT_FOUND" in str(error)
    return False


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ({"AMQP_URL": "redis://localhost"}, "AMQP_URL must begin with amqp:// or amqps://"),
        ({"AMQP_URL": "amqp://guest:secret@127.0.0.1:1//"}, "RabbitMQ at amqp://guest:***@127"),
        (
            {"DATABASE_URL": "postgresql://lab:secret@127.0.0.1:1/lab"},
            "PostgreSQL at postgresql+psycopg://lab:***@127",
        ),
    ],
)
def test_a_server_that_does_not_let_the_lab_in_is_told_in_one_sentence(
    lab: Lab, server: dict[str, str], sentence: str
):
    lab.environment |= server
    result = lab.run("run", "40", "--strict")  # else a changed file would be to blame
    assert result.returncode == 1
    assert f"error: {sentence}" in result.stdout + result.stderr
    assert "\n\nhint: " in result.stdout + result.stderr
    assert "secret" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
