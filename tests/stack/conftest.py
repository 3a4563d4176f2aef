"""Fixtures: labs and Redis servers that belong to one test, or to one test process."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from celery.result import AsyncResult

from labkit.broker.server import free_port
from tests.helpers.required import require
from tests.stack.helpers.labs import LEAN, Lab, copy_of_the_tree, wait_until

# A result that is thrown away ends its subscription.  When its broker has stopped by then, it would
# try to reach that for 20 s, in the middle of whatever this process does (celery_app.py has more).
AsyncResult.__del__ = lambda _result: None  # type: ignore[method-assign]

# The files that take longest.  One that began at the end would run alone.
FIRST = (
    "test_lessons_advanced.py",
    "test_lessons_realworld.py",
    "test_keeper.py",
    "test_supervisor.py",
    "test_stack_ends.py",
    "test_run.py",
    "test_set_aside.py",
    "test_reload.py",
    "test_other_servers.py",
    "test_lessons_basic.py",
    "test_disasters.py",
    "test_matrix.py",
    "test_workers.py",
    "test_doctor_hard_cases.py",
    "test_shop_postgresql.py",
    "test_take_it_home.py",
    "test_readme_commands.py",
    "test_doctor.py",
    "test_statements.py",
    "test_other_code.py",
    "test_from_your_notes.py",
    "test_settings_that_surprise.py",
    "test_server_health.py",
    "test_neighbours.py",
    "test_terminal.py",
    "test_picture_memory.py",
    "test_install.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, in the order of FIRST."""
    order = {Path(__file__).with_name(name): place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path, len(FIRST)))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab that is not up yet, in a folder with a space in its name."""
    one = Lab(tmp_path / "lab home")
    yield one
    one.clean_up()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project that a test may edit."""
    return copy_of_the_tree(tmp_path / "my copy")


@pytest.fixture
def lab_in_tree(tree: Path, tmp_path: Path) -> Iterator[Lab]:
    """A lab that runs from a copy of the project."""
    one = Lab(tmp_path / "home", root=tree)
    yield one
    one.clean_up()


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One running stack with all its parts for the tests of a module, as a learner has one."""
    with Lab(tmp_path_factory.mktemp("shared") / "home").while_up("--no-reload") as one:
        yield one


@pytest.fixture(scope="module")
def lean_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same with a broker and a worker alone."""
    with Lab(tmp_path_factory.mktemp("shared") / "home").while_up(*LEAN) as one:
        yield one


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a Debian redis-server: redis_server("--maxmemory", "9mb", password=True) -> its URL.

    before: a shell command before it, such as a limit.
    """
    require("redis", bool(shutil.which("redis-server")), "apt-get install redis-server")
    started: list[subprocess.Popen] = []

    def start(*options: str, password: bool = True, before: str = "") -> str:
        port, word = free_port(), secrets.token_hex(8)
        line = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        line += [*(["--requirepass", word] if password else []), *options]
        line = ["sh", "-c", f'{before}; exec "$0" "$@"', *line] if before else line
        log = (tmp_path / f"redis-{port}.log").open("w")
        started.append(subprocess.Popen(line, cwd=tmp_path, stdout=log, stderr=log))
        url = f"redis://:{word}@127.0.0.1:{port}/0" if password else f"redis://127.0.0.1:{port}/0"
        wait_until(lambda: _answers(url, started[-1].pid), what="redis-server answers")
        return url

    yield start
    for process in started:
        process.terminate()
        process.wait(10)


@pytest.fixture
def rabbitmq() -> str:
    """The address of a RabbitMQ that runs already: LAB_TEST_RABBITMQ=amqp://..."""
    return _address("rabbitmq", "amqp://guest:guest@127.0.0.1:5672//")


@pytest.fixture
def postgresql() -> str:
    """The address of a PostgreSQL database that is there already: LAB_TEST_POSTGRESQL=..."""
    return _address("postgresql", "postgresql://lab:lab@127.0.0.1:5432/lab")


def _address(server: str, example: str) -> str:
    """What LAB_TEST_SERVER names.

    The tests do not go by AMQP_URL and DATABASE_URL: a developer's own servers may stand there, and
    all other tests must not meet them.
    """
    name = f"LAB_TEST_{server.upper()}"
    require(server, bool(os.environ.get(name)), f"{name}={example} names one")
    return os.environ[name]


def _answers(url: str, pid: int) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return client.info("server")["process_id"] == pid
    except redis.RedisError:
        return False
