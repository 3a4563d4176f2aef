"""Results are read where result_backend says, and what cannot be read is a sentence."""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery, chord

from labkit.broker.result_reader import TIMEOUT_S, ResultStore
from labkit.broker.results import result_of
from labkit.broker.server import free_port
from labkit.errors import LabError
from tests.stack.helpers.patient import Patient, ward

__all__ = ["ward"]

ERROR = {"exc_type": "ValueError", "exc_message": ["no"], "exc_module": "builtins"}
DAMAGED = [
    "garbage",
    "[]",
    "5",
    "null",
    '"SUCCESS"',
    "{}",
    '{"status": null, "result": 1}',
    '{"status": 7, "result": 1}',
    "[" * 100_000,
    b"\xff\xfe",
]
TOO_ODD = [  # JSON in Python, and none that could be sent on
    '{"status": "SUCCESS", "result": "\\ud800"}',
    '{"status": "\\ud800", "result": null}',
    '{"status": "SUCCESS", "result": ' + "[" * 900 + "]" * 900 + "}",
]
ODD_INSIDE = [
    {"status": "SUCCESS"},
    {"status": "STARTED", "result": "not a dict"},
    {"status": "STARTED", "result": {"pid": "x", "hostname": [1]}},
    {"status": "FAILURE", "result": {"exc_type": None, "exc_message": {}}},
    {"status": "FAILURE", "result": "text", "traceback": 5, "date_done": "yesterday"},
    {"status": "SUCCESS", "result": 1, "children": [5, [1], [[None, None], None], "x"]},
    {"status": "SUCCESS", "result": 1, "date_done": 12, "group_id": 7},
]


@contextmanager
def store_at(ward: Patient, backend: str | None, **settings: object) -> Iterator[ResultStore]:
    """What an app with this result_backend would look into."""
    with Celery(broker=ward.url, backend=backend, set_as_current=False) as app:
        app.conf.update(settings)
        store = ResultStore(app, ward.client)
        yield store
        store.close()


def keep(ward: Patient, backend: str, state: str = "SUCCESS", **settings: object) -> str:
    """Let Celery itself store a result there; the task's id."""
    task_id = str(uuid.uuid4())
    with Celery(broker=ward.url, backend=backend, set_as_current=False) as app:
        app.conf.update(settings)
        what = ValueError("no") if state == "FAILURE" else 9
        app.backend.store_result(task_id, what, state)
    return task_id


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE"])
@pytest.mark.parametrize(
    ("place", "settings"),
    [
        ("redis", {}),
        ("redis database 1", {}),
        ("redis", {"result_backend_transport_options": {"global_keyprefix": "shop"}}),
        ("redis", {"result_compression": "gzip"}),
        ("redis", {"result_serializer": "yaml", "result_accept_content": ["yaml"]}),
        ("sqlite", {}),
        ("files", {}),
    ],
)
def test_a_result_is_read_where_the_settings_put_it(ward, tmp_path, place, settings, state):
    address = {
        "redis": ward.url,
        "redis database 1": ward.url.removesuffix("/0") + "/1",
        "sqlite": f"db+sqlite:///{tmp_path}/results.sqlite",
        "files": f"file://{tmp_path}",
    }[place]
    task_id = keep(ward, address, state, **settings)
    with store_at(ward, address, **settings) as store:
        result = store.read(task_id)
        assert (store.readable, store.why, bool(store.where)) == (True, "", place != "redis")
        assert store.read(str(uuid.uuid4())) is None
        assert store.why == ""
    assert result
    assert result.status == state
    assert (result.result == 9) or (result.error == "ValueError: no")
    assert result.done_at
    assert abs(result.done_at.timestamp() - time.time()) < 60


def test_the_password_is_in_no_sentence(ward):
    with store_at(ward, ward.url.removesuffix("/0") + "/1") as store:
        assert store.where.startswith("redis://:***@")


@pytest.mark.parametrize(
    ("backend", "word"),
    [(None, "nowhere"), ("rpc://", "rpc://"), ("cache+memory://", "in the memory")],
)
def test_where_nobody_else_can_look_it_says_so(ward, backend, word):
    with store_at(ward, backend) as store:
        assert (store.read("7"), store.readable, store.unfinished_chords()) == (None, False, None)
        assert word in store.why
        with pytest.raises(LabError, match=word):
            next(store.follow("7"))


def test_looking_makes_no_file(ward, tmp_path):
    with store_at(ward, f"db+sqlite:///{tmp_path}/none.sqlite") as store:
        assert (store.read("7"), store.why) == (None, "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_a_sentence(ward, tmp_path):
    Path(tmp_path, "results.sqlite").write_bytes(b"garbage" * 1000)
    with store_at(ward, f"db+sqlite:///{tmp_path}/results.sqlite") as store:
        assert store.read("7") is None
        # Which error depends on the time: Celery tries a few times before it gives up.
        assert store.why.startswith(f"the result backend at db+sqlite:///{tmp_path}")


@pytest.mark.parametrize("kind", ["nobody listens", "silent", "wrong password", "unknown"])
def test_a_backend_that_gives_no_answer_is_a_sentence_and_no_long_wait(ward, kind):
    port = free_port()
    address = {
        "nobody listens": f"redis://127.0.0.1:{port}/0",
        "silent": f"redis://127.0.0.1:{port}/0",
        "wrong password": ward.url.replace(":", "x:", 2).replace("redisx:", "redis:"),
        "unknown": "nowhere://here",
    }[kind]
    with socket.socket() as listener:
        if kind == "silent":
            listener.bind(("127.0.0.1", port))
            listener.listen()
        with store_at(ward, address) as store:
            start = time.monotonic()
            assert store.read("7") is None
            assert store.read("7") is None  # it is not asked a second time
            assert time.monotonic() - start < TIMEOUT_S + 10
            assert store.why.startswith("the result backend")


def test_the_import_of_the_library_is_no_part_of_the_wait_for_an_answer(ward, tmp_path):
    """In a process of its own: here SQLAlchemy may be imported already."""
    address = f"db+sqlite:///{tmp_path}/results.sqlite"
    task_id = keep(ward, address)
    code = f"""
from celery import Celery
from lab_home import REDIS_URL
from labkit.broker.check import client_for
from labkit.broker.result_reader import ResultStore
app = Celery(broker=REDIS_URL, backend={address!r}, set_as_current=False)
store = ResultStore(app, client_for(REDIS_URL))
print(store.read({task_id!r}), store.why)
"""
    assert "status='SUCCESS'" in ward.run("-c", code).text


@pytest.mark.parametrize(("word", "why"), [("", "wants a"), (":wrong@", "refuses this")])
def test_a_password_that_is_not_right_is_no_missing_answer(ward, word, why):
    address = f"redis://{word}{ward.url.rpartition('@')[2]}"
    with store_at(ward, address) as store:
        assert store.read("7") is None
        assert f" {why} password: " in store.why and "does not answer" not in store.why
        with pytest.raises(LabError, match=f"{why} password"):
            next(store.follow("7"))


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_result_is_a_sentence(ward, text):
    task_id = str(uuid.uuid4())
    ward.client.set(f"celery-task-meta-{task_id}", text)
    with store_at(ward, ward.url) as store:
        assert store.read(task_id) is None
        assert store.why.startswith(f"what is stored for task {task_id} is no result in JSON; ")
        with pytest.raises(LabError, match="no result in JSON"):
            next(store.follow(task_id))


def test_a_result_of_another_type_is_a_sentence(ward):
    task_id = str(uuid.uuid4())
    ward.client.lpush(f"celery-task-meta-{task_id}", "x")
    with store_at(ward, ward.url) as store:
        assert store.read(task_id) is None
        assert "no result in JSON" in store.why


@pytest.mark.parametrize("content", ODD_INSIDE)
def test_what_is_odd_inside_a_result_hides_nothing_else(content):
    result = result_of(content)
    assert result.status == content["status"]
    assert isinstance(f"{result.error}{result.worker}{result.group_id}", str)
    assert set(map(type, result.children)) <= {str}


def test_a_result_names_its_family_and_its_worker(ward):
    running = ward.send("nap", 60)
    ward.wait_for_state(running, "STARTED")
    with store_at(ward, ward.url) as store:
        seen = store.read(running.id)
        assert seen
        assert seen.worker == ward.shared_worker.name
        assert seen.pid
    raw = {"status": "SUCCESS", "result": 1, "children": [[["b", None], None]]}
    result = result_of(raw | {"group_id": "g"})
    assert (result.children, result.group_id) == (("b",), "g")


def test_chords_under_way_are_counted_until_they_have_ended(ward):
    # Only while its header runs: what follows it is known to the worker alone.
    with Celery(broker=ward.url, backend=ward.url, set_as_current=False) as app:
        app.conf.task_default_queue = "basic"
        nap = app.signature("tasks.basic_tasks.nap", (60,))
        add = app.signature("tasks.basic_tasks.add", (3, 4), immutable=True)
        with store_at(ward, ward.url) as store:
            assert store.unfinished_chords() == 0
            chord([nap, add])(add)
            assert store.unfinished_chords() == 1
            assert chord([add, add])(add).get(timeout=30) == 7
            assert store.unfinished_chords() == 1
