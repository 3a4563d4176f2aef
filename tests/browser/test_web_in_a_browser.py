"""The web app in a real browser: what its own pages can do, and pages from elsewhere cannot."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import FOREIGN_HOST
from tests.stack.helpers.web_parts import ADA, Web, shop_server, web_server

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

SEND_EMAIL = "#operations-tasks-send_email_send_email_post"  # what Swagger UI calls this call


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


@pytest.fixture
def asked_elsewhere(page: Page) -> list[str]:
    """Let the window reach nothing but this machine; what else it tried to load."""
    tried: list[str] = []

    def look(route: Route) -> None:
        if urlsplit(route.request.url).hostname in {"127.0.0.1", "localhost"}:
            route.continue_()
        else:
            tried.append(route.request.url)
            route.abort()

    page.route("**/*", look)
    return tried


def test_the_first_page_leads_to_the_docs_without_a_network(web, page: Page, asked_elsewhere):
    page.goto(f"{web.url}/")
    assert "POST /send_email" in page.inner_text("body")
    page.click("text=/docs")
    page.wait_for_selector(SEND_EMAIL)
    assert page.title() == "Celery learning lab: the calls"
    assert asked_elsewhere == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_try_it_out_in_the_docs_puts_a_message_onto_the_queue(
    web, page: Page, asked_elsewhere, host
):
    page.goto(f"http://{host}:{web.port}/docs")
    call = page.locator(SEND_EMAIL)
    call.click()
    call.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/send_email") as answer:
        call.get_by_role("button", name="Execute").click()
    assert answer.value.status == 202
    assert (web.waiting(), web.noted()) == (1, 1)
    assert asked_elsewhere == []
