"""Flower in a real browser: who can press its buttons, and who can read its pages."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from celery import Celery
from playwright.sync_api import Browser, Page

from labkit.own.broker import OwnBroker
from labkit.own.pages import Flower, own_flower
from labkit.own.workers import own_worker
from tests.browser.conftest import FOREIGN_HOST, Elsewhere
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.web_parts import settings

USER, PASSWORD = "ada", "secret"

# What a page of anybody may send anywhere, as long as it does not want to read the answer.
PRESS_FROM_ELSEWHERE = """
url => fetch(url, {
    method: "POST", mode: "no-cors", credentials: "include", body: new URLSearchParams({n: "1"})
})
"""


@dataclass
class Flowers:
    """Three Flowers and the one worker that they show."""

    without: Flower
    locked: Flower  # with a password
    opened: Flower  # without one, with FLOWER_UNAUTHENTICATED_API
    worker: str
    app: Celery

    def processes(self) -> int:
        """How many processes the worker's pool has: its buttons change it."""
        stats = self.app.control.inspect([self.worker], timeout=20, limit=1).stats() or {}
        return len(stats[self.worker]["pool"]["processes"])

    def local(self, flower: Flower, path: str = "") -> str:
        """The address that `./lab up` prints."""
        return flower.url.replace("127.0.0.1", "localhost") + path

    def show_the_worker(self, flower: Flower, page: Page) -> None:
        """Open the worker's page, which is there when Flower has heard of it."""
        address = self.local(flower, f"/worker/{self.worker}")
        wait_until(lambda: (answer := page.goto(address)) and answer.ok, what="Flower knows it")

    def press_grow(self, flower: Flower, page: Page) -> int:
        """Press the button that adds a process to the pool; return the number of the answer."""
        self.show_the_worker(flower, page)
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            page.click("#worker-pool-grow")
        return answer.value.status


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flowers]:
    """A broker, a worker and three Flowers of their own."""
    folder = tmp_path_factory.mktemp("flowers")
    broker = OwnBroker(folder / "broker")
    broker.start()
    environment = settings(folder / "home", broker)
    api = {"FLOWER_UNAUTHENTICATED_API": "true"}
    with ExitStack() as running:
        running.callback(broker.stop)
        changes = running.enter_context(pytest.MonkeyPatch.context())
        changes.setattr("labkit.own.program.LAB_HOME", folder / "home")
        for name in ("FLOWER_BASIC_AUTH", *api):
            changes.delenv(name, raising=False)
        start = running.enter_context
        pool = "--concurrency=1"
        worker = start(own_worker("grown", ["grown"], pool, environment=environment, show=False))
        yield Flowers(
            start(own_flower("without", environment=environment, show=False)),
            start(own_flower("locked", USER, PASSWORD, environment=environment, show=False)),
            start(own_flower("opened", environment=environment | api, show=False)),
            worker.name,
            Celery(broker=broker.url, set_as_current=False),
        )


@pytest.fixture
def ada(browser: Browser) -> Iterator[Page]:
    """A page of somebody who has given the browser Flower's password."""
    context = browser.new_context(http_credentials={"username": USER, "password": PASSWORD})
    yield context.new_page()
    context.close()


def test_without_a_password_the_buttons_are_refused(flowers, page):
    before = flowers.processes()
    assert flowers.press_grow(flowers.without, page) == 401
    page.get_by_text("FLOWER_UNAUTHENTICATED_API environment variable is required").wait_for()
    assert flowers.processes() == before


def test_with_a_password_the_buttons_work(flowers, ada):
    before = flowers.processes()
    ada.goto(flowers.local(flowers.locked, "/workers"))
    assert flowers.press_grow(flowers.locked, ada) == 200
    wait_until(lambda: flowers.processes() == before + 1, what="the pool has grown")


def test_a_browser_that_was_let_in_at_one_worker_does_not_send_the_password_on(flowers, ada):
    assert flowers.press_grow(flowers.locked, ada) == 401


@pytest.mark.parametrize(("which", "status"), [("locked", 403), ("opened", 200)])
def test_a_password_keeps_pages_from_elsewhere_off_the_buttons_and_the_variable_does_not(
    flowers, elsewhere: Elsewhere, ada, which, status
):
    flower = getattr(flowers, which)
    ada.goto(flowers.local(flower, "/workers"))  # the browser sends the password from now on
    flowers.show_the_worker(flower, ada)
    before = flowers.processes()
    ada.goto(elsewhere.url)
    button = flowers.local(flower, f"/api/worker/pool/grow/{flowers.worker}")
    with ada.expect_response(button) as answer:
        ada.evaluate(PRESS_FROM_ELSEWHERE, button)
    assert answer.value.status == status
    if status == 200:
        wait_until(lambda: flowers.processes() == before + 1, what="the pool has grown")
    assert flowers.processes() == before + (status == 200)


@pytest.mark.parametrize("which", ["without", "locked", "opened"])
def test_a_foreign_name_that_leads_to_this_machine_shows_nothing(flowers, ada, which):
    port = getattr(flowers, which).url.rpartition(":")[2]
    for path in ("/", "/tasks", "/metrics"):
        answer = ada.goto(f"http://{FOREIGN_HOST}:{port}{path}")
        assert answer and answer.status == 403
