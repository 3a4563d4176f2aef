"""Fixtures: a real browser."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.required import require

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
