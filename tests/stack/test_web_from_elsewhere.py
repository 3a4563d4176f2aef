"""The API serves pages and programs of this machine, and no page from elsewhere."""

import httpx
import pytest

from tests.stack.helpers.web_parts import ADA, house_form, web

__all__ = ["web"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example.com:{port}"},
        {"Host": "localhost.example.com:{port}"},
        {"Host": "localhost:1"},
        {"Host": "localhost"},
        {"Host": ""},
        {"Origin": "https://shop.example.com"},
        {"Origin": "http://localhost.example.com:{port}"},
        {"Origin": "http://example.com#http://localhost:{port}"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
def test_a_page_from_elsewhere_cannot_send_anything(web, headers):
    before = web.waiting(), web.noted()
    headers = {name: value.format(port=web.port) for name, value in headers.items()}
    house_form(web.ask.post("/send_email", json=ADA, headers=headers), 403)
    # What a page may send without asking first: a text, or a form.
    text = headers | {"Content-Type": "text/plain"}
    house_form(
        web.ask.post(
            "/send_email", content=httpx.Request("POST", "/", json=ADA).content, headers=text
        ),
        403,
    )
    assert (web.waiting(), web.noted()) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_called_json_is_refused_whoever_sends_it(web, kind):
    before = web.waiting(), web.noted()
    content = httpx.Request("POST", "/", json=ADA).content
    headers = {"Content-Type": kind} if kind else {}
    sentence = house_form(web.ask.post("/send_email", content=content, headers=headers), 422)
    assert sentence.startswith("the body must be JSON, with the header")
    assert (web.waiting(), web.noted()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:{port}"},
        {"Host": "[::1]:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "http://127.0.0.1:5173"},
    ],
)
def test_pages_and_programs_of_this_machine_are_served(web, headers):
    headers = {name: value.format(port=web.port) for name, value in headers.items()}
    assert web.ask.post("/send_email", json=ADA, headers=headers).status_code == 202
