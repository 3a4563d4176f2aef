"""Fixtures: a real browser, and a page of somebody else."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.required import require

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: root has none.  The others keep it from asking servers on the internet.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOREIGN_HOST = "shop.example.com"  # a name of somebody else, which leads to this machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window.

    For it FOREIGN_HOST has the address 127.0.0.1, as for somebody whose name server is against
    them.
    """
    found = list(filter(None, map(shutil.which, PROGRAMS)))
    require("chromium", bool(found), "apt-get install chromium")
    options = [*OPTIONS, f"--host-resolver-rules=MAP {FOREIGN_HOST} 127.0.0.1"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new window, without cookies and history."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


class Elsewhere:
    """A web server of somebody else: it serves one page."""

    def __init__(self) -> None:
        self.html = "<p>nothing</p>"
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Answers every GET with the page."""
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(elsewhere.html.encode())

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        return Handler


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Its page is at elsewhere.url, under a foreign name."""
    one = Elsewhere()
    server = ThreadingHTTPServer(("127.0.0.1", 0), one.handler())
    one.url = f"http://{FOREIGN_HOST}:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield one
    server.shutdown()
    server.server_close()
