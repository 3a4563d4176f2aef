"""The web app in a real browser: what its own pages can do, and pages from elsewhere cannot."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import FOREIGN_HOST
from tests.stack.web_parts import ADA, Web, shop_server, web_server

# What web/events.py tells a page to do; it gives the names of the states in their order.
FOLLOW = """
async body => {
    const answer = await fetch("/send_email", {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)
    })
    const where = answer.headers.get("Location")
    const states = []
    await new Promise((ended, failed) => {
        const source = new EventSource(`${where}/events`)
        source.addEventListener("state", event => states.push(JSON.parse(event.data).state))
        source.addEventListener("end", () => { source.close(); ended() })
        source.onerror = () => failed(new Error("the stream broke"))
    })
    return {status: answer.status, states}
}
"""

# A form may be sent anywhere, and a browser does not ask first.  This one makes JSON of it.
FORM = """<form method="post" enctype="text/plain" action="{url}/send_email">
<input name='{name}' value='{value}'></form>
<script>document.forms[0].submit()</script>"""

# A script may send a text anywhere, as long as it does not want to read the answer.
SCRIPT = """
([url, body]) => fetch(`${url}/send_email`, {method: "POST", mode: "no-cors", body})
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> None:
    """Each test has a LAB_HOME of its own."""
    monkeypatch.setattr("labkit.nodes.LAB_HOME", tmp_path / "home")


@pytest.fixture
def web(tmp_path) -> Iterator[Web]:
    """A web server without workers: what was sent stays in its queue."""
    with web_server(tmp_path, "browsed") as one:
        yield one


def test_a_page_of_the_app_sends_an_email_and_follows_it_to_its_end(tmp_path, page: Page):
    with shop_server(tmp_path, "browsed") as shop:
        page.goto(f"http://localhost:{shop.port}/")
        told = page.evaluate(FOLLOW, ADA)
    assert told["status"] == 202
    assert told["states"][-1] == "SUCCESS"


def test_a_form_of_a_page_from_elsewhere_is_refused(web, elsewhere, page: Page):
    body = json.dumps(ADA)[:-1]  # the form adds a = between its name and its value
    elsewhere.html = FORM.format(url=web.url, name=f'{body}, "x', value='": 1}')
    with page.expect_navigation(url=f"{web.url}/send_email"):
        page.goto(elsewhere.url)
    assert f"pages of this machine may ask, got Origin 'http://{FOREIGN_HOST}" in page.content()
    assert (web.waiting(), web.noted()) == (0, 0)


def test_a_script_of_a_page_from_elsewhere_is_refused(web, elsewhere, page: Page):
    page.goto(elsewhere.url)
    with page.expect_response(f"{web.url}/send_email") as answer:
        page.evaluate(SCRIPT, [web.url, json.dumps(ADA)])
    assert answer.value.status == 403
    assert (web.waiting(), web.noted()) == (0, 0)


def test_a_foreign_name_that_leads_to_this_machine_is_refused(web, page: Page):
    page.goto(f"http://{FOREIGN_HOST}:{web.port}/healthz")
    assert f"the Host header must be localhost:{web.port}, got '{FOREIGN_HOST}" in page.content()
