"""The pages of the web part: the list of its calls, its docs, and the answer where nothing is."""

import re

import pytest

from tests.stack.helpers.web_parts import house_form, web

__all__ = ["web"]

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"  # what browsers accept


def test_the_first_page_names_every_call(web):
    answer = web.ask.get("/")
    assert answer.headers["content-type"].startswith("text/plain")
    for path, methods in web.ask.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"\n{method.upper():<6} {path} " in answer.text


def test_a_browser_gets_the_calls_as_a_page_with_links(web):
    answer = web.ask.get("/", headers={"Accept": BROWSER})
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["vary"] == "Accept"
    for path in web.ask.get("/openapi.json").json()["paths"]:
        assert f" {path}</code>" in answer.text
    for path in ("/docs", "/openapi.json", "/healthz"):
        assert f'href="{path}"' in answer.text
        assert web.ask.get(path).status_code == 200
    assert "Flower" not in answer.text  # none runs here


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ('{"flower": "http://localhost:5556"}', 'href="http://localhost:5556">Flower</a>'),
        ('{"flower": null}', ""),
        ("no JSON", ""),
    ],
)
def test_the_page_links_the_flower_of_the_running_lab(web, state, shown):
    file = web.home / "stack.json"
    file.write_text(state)
    try:
        page = web.ask.get("/", headers={"Accept": BROWSER}).text
    finally:
        file.unlink()
    assert shown in page
    assert ("Flower" in page) == bool(shown)


def test_the_docs_load_nothing_but_files_of_this_machine(web):
    page = web.ask.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/docs/")
        assert web.ask.get(address).status_code == 200
    assert "http" not in page
    house_form(web.ask.get("/docs/main.py"), 404)
    house_form(web.ask.get("/docs/..%2fmain.py"), 404)


def test_an_unknown_path_and_a_wrong_method_are_told_in_the_house_form(web):
    assert house_form(web.ask.get("/nope"), 404) == "not found: GET /nope"
    assert house_form(web.ask.put("/send_email"), 405) == "method not allowed: PUT /send_email"
