"""The smallest shop of lesson 57's page: its worker, its API, and that without a broker."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from celery.states import READY_STATES

from lab_home import ROOT
from labkit.own.broker import OwnBroker
from labkit.own.pages import own_web
from labkit.own.program import started
from labkit.processes.program import Program
from tests.stack.helpers.labs import stopped, wait_until
from tests.stack.helpers.web_parts import ADA, settings, timed
from work.mail.mail_answers import set_answers

NOBODY = "5f0c81d2-6c3b-4b0e-9a57-0c4b8a3d5e11"  # an id that no task has
SHOP = ROOT / "examples/realworld"
LIMIT_S = 4.0  # an answer without a broker comes sooner; it waits 1 s at most for each thing


class Plain:
    """The API of the small shop, and what it needs."""

    def __init__(self, broker: OwnBroker, mails: Path, ask: httpx.Client) -> None:
        self.broker = broker
        self.mails = mails
        self.ask = ask

    def ended(self, **changes: str) -> dict:
        """Send an e-mail; return what the API tells when its task has ended."""
        sent = self.ask.post("/emails", json=ADA | changes)
        assert sent.status_code == 202
        path = f"/emails/{sent.json()['id']}"
        wait_until(lambda: self.ask.get(path).json()["state"] in READY_STATES, what="it has ended")
        return self.ask.get(path).json() | {"id": sent.json()["id"]}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    """A broker, a mail server, and the shop in a folder of its own, as somebody copies it."""
    folder = tmp_path_factory.mktemp("plain")
    for file in SHOP.glob("plain_*.py"):
        shutil.copy(file, folder)
    broker, home = OwnBroker(folder / "broker"), folder / "home"
    broker.start()
    with ExitStack() as running:
        running.callback(broker.stop)
        changes = running.enter_context(pytest.MonkeyPatch.context())
        changes.setattr("labkit.own.program.LAB_HOME", home)
        ours = settings(home, broker) | {"PYTHONPATH": str(folder)}
        mail = ["python", "-m", "labkit.services.mail_server"]
        running.enter_context(started(Program, "plain-mail", mail, ours, show=False))
        wait_until((home / "mail-server").exists, what="the mail server has written its file")
        ours["SMTP_SERVER"] = json.loads((home / "mail-server").read_text())["url"][
            len("smtp://") :
        ]
        worker = ["celery", "-A", "plain_shop", "worker", "--pool=threads", "--concurrency=20"]
        running.enter_context(started(Program, "plain-worker", worker, ours, show=False))
        server = own_web("plain-web", "plain_events:api", environment=ours, show=False)
        url = running.enter_context(server).url
        # uvicorn hangs up behind a 500, so no connection is kept for the next request.
        once = httpx.Limits(max_keepalive_connections=0)
        ask = running.enter_context(httpx.Client(base_url=url, timeout=60, limits=once))
        yield Plain(broker, home / "files/mail", ask)


def test_it_gives_an_id_and_then_the_result(plain):
    told = plain.ended()
    assert (told["state"], told["result"], told["error"]) == ("SUCCESS", "ada@example.com", None)


def test_it_tells_the_error_of_a_task_and_no_result(plain):
    set_answers(plain.mails, "dan@example.com", ["550"])
    told = plain.ended(to_email="dan@example.com")
    assert (told["state"], told["result"]) == ("FAILURE", None)
    assert "550" in told["error"]


def test_it_cannot_tell_an_id_that_was_never_sent_from_one_that_waits(plain):
    told = plain.ask.get(f"/emails/{NOBODY}").json()
    assert told == {"state": "PENDING", "result": None, "error": None}


def test_its_events_tell_each_change_and_end_with_the_task(plain):
    set_answers(plain.mails, "eve@example.com", ["slow"])
    sent = plain.ask.post("/emails", json=ADA | {"to_email": "eve@example.com"}).json()["id"]
    with plain.ask.stream("GET", f"/emails/{sent}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    states = [json.loads(line.removeprefix("data: "))["state"] for line in lines]
    assert states[-1] == "SUCCESS"
    assert len(states) == len(set(states))


def test_it_gives_up_soon_where_the_broker_is_frozen_or_gone(plain):
    path = f"/emails/{NOBODY}"
    asked = [("POST", "/emails"), ("GET", path)]
    with stopped(plain.broker.identity.pid):
        answers = [timed(plain.ask, *one) for one in asked]
    plain.broker.kill()
    answers += [timed(plain.ask, *one) for one in asked]
    plain.broker.restart()

    assert {answer.status_code for answer, _ in answers} == {500}
    assert max(seconds for _, seconds in answers) < LIMIT_S
