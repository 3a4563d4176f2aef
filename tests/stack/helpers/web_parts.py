"""The web part of the lab for tests: uvicorn on a broker of the test's own."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, insert

from labkit.own.broker import OwnBroker
from labkit.own.pages import own_web
from labkit.own.program import started
from labkit.own.workers import own_worker
from labkit.processes.program import Program
from tests.stack.helpers.labs import stopped, wait_until
from work.database.engine import create_tables, engine_for, writing
from work.database.schema import flights

ADA = {"to_email": "ada@example.com", "subject": "Your ticket", "body": "Your seat is 12A."}
ORDER: dict[str, object] = {
    "flight": "TL101",
    "day": "2027-05-01",
    "seats": 2,
    "price_cents": 12900,
    "card": "ada-visa",
    "email": "ada@example.com",
}
APP = "web.api:app"
QUEUE = "realworld"


class Web:
    """uvicorn with web.api:app, a broker of its own, and a client that asks."""

    def __init__(self, home: Path, broker: OwnBroker, url: str) -> None:
        self.home = home
        self.broker = broker
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.ask = httpx.Client(base_url=url, timeout=10)
        self.redis = broker.client()

    def send(self, **changes: str) -> str:
        """Send an e-mail; return the id of its task."""
        answer = self.ask.post("/send_email", json=ADA | changes)
        assert answer.status_code == 202, answer.text
        return str(UUID(answer.json()["id"]))

    def add_flight(self) -> None:
        """Put the flight of the orders into the shop's timetable."""
        engine = self.shop()
        row = {"flight": ORDER["flight"], "day": date.fromisoformat(str(ORDER["day"]))}
        more = {"origin": "AMS", "destination": "LIS", "departs": "07:30", "seats": 300}
        with writing(engine) as database:
            rest = {"price_cents": 12900, "source": "test"}
            database.execute(insert(flights).values(row | more | rest))
        engine.dispose()

    def shop(self) -> Engine:
        """The shop's database."""
        engine = engine_for(f"sqlite:///{self.home / 'files/shop.sqlite'}")
        create_tables(engine)
        return engine

    def order(self, key: str = "", **changes: object) -> str:
        """Order tickets; return the order's id."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.ask.post("/orders", json=ORDER | changes, headers=headers)
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/orders/{answer.json()['id']}"
        return str(UUID(answer.json()["id"]))

    def wait_for(self, task_id: str, state: str) -> dict:
        """Wait until GET /tasks/ID says so; return what it says."""
        wait_until(lambda: self.task(task_id)["state"] == state, what=state)
        return self.task(task_id)

    def task(self, task_id: str) -> dict:
        """GET /tasks/ID."""
        return self.ask.get(f"/tasks/{task_id}").json()

    def waiting(self) -> int:
        """How many messages wait in the queue."""
        return int(self.redis.llen(QUEUE))

    def noted(self) -> int:
        """How many sent ids are noted."""
        return len(list(self.redis.scan_iter("celery_learning:web:*")))

    @contextmanager
    def frozen_broker(self) -> Iterator[None]:
        """The broker lives and says nothing."""
        with stopped(self.broker.identity.pid):
            yield


def settings(home: Path, broker: OwnBroker) -> dict[str, str]:
    """What a process of this test finds in its environment, beside ours."""
    ours = {"LAB_HOME": str(home), "LAB_FILES": "", "SMTP_URL": "", "DATABASE_URL": ""}
    return ours | {"PYTHONDONTWRITEBYTECODE": "1"} | broker.environment()


@contextmanager
def web_server(folder: Path, name: str) -> Iterator[Web]:
    """A broker and a web server below a folder; LAB_HOME lies there for what else is started."""
    broker = OwnBroker(folder / "broker")
    broker.start()
    home = folder / "home"
    changes = pytest.MonkeyPatch()
    changes.setattr("labkit.own.program.LAB_HOME", home)
    try:
        with own_web(name, APP, environment=settings(home, broker), show=False) as server:
            web = Web(home, broker, server.url)
            yield web
            web.ask.close()
            web.redis.close()
    finally:
        changes.undo()
        broker.stop()


@contextmanager
def shop_server(folder: Path, name: str) -> Iterator[Web]:
    """The same with a worker and the lab's mail server: what is sent is done."""
    with ExitStack() as running:
        web = running.enter_context(web_server(folder, f"{name}-web"))
        environment = settings(web.home, web.broker)
        mail = ["python", "-m", "labkit.services.mail_server"]
        running.enter_context(started(Program, f"{name}-mail", mail, environment, show=False))
        wait_until((web.home / "mail-server").exists, what="the mail server has written its file")
        worker = own_worker(name, [QUEUE], "--concurrency=2", environment=environment, show=False)
        running.enter_context(worker)
        yield web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server without workers, shared by a module's tests."""
    with web_server(tmp_path_factory.mktemp("web"), "web") as one:
        yield one


def house_form(answer: httpx.Response, status: int) -> str:
    """The sentence of an error, which must have its status and the house form."""
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert set(problem) == {"error", "hint"} and problem["hint"]
    sentence = problem["error"]
    assert sentence and "\n" not in sentence and not sentence[0].isupper()
    return sentence


def timed(
    ask: httpx.Client, method: str, path: str, body: dict | None = None
) -> tuple[httpx.Response, float]:
    """One request, and how many seconds it took.  A POST without a body sends an e-mail."""
    start = time.perf_counter()
    answer = ask.request(method, path, json=body or (ADA if method == "POST" else None))
    return answer, time.perf_counter() - start


def events_of(answer: httpx.Response) -> Iterator[tuple[str, dict]]:
    """Read server-sent events: (name, data)."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
