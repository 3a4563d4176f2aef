"""The parts of the stack that are web pages: Flower, and the lab's own API and page.

Each has a usual port; where that is taken, the part moves on to the next free one.
"""

import http.client
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from labkit.errors import LabError
from labkit.processes.identity import ProcessId
from labkit.services.ports import listens, next_free_port


@dataclass(frozen=True)
class Page:
    """One of them.

    title: what a person calls it.  variable: the setting that names another port.
    health: the path that answers 200 when the part is there.
    command: the line that starts it on a port, as a person would type it.
    environment: against settings of another one, which could put it onto all interfaces.
    """

    title: str
    variable: str
    usual_port: int
    health: str
    command: Callable[[int], list[str]]
    environment: dict[str, str] = field(default_factory=dict)


def _flower(port: int) -> list[str]:
    """Without its warnings: it asks the workers before they listen, and asks again later."""
    return ["celery", "-A", "celery_app", "flower", f"--port={port}", "--logging=error"]


def _web(port: int) -> list[str]:
    """Streams of events would keep it from stopping: after 2 s it ends them."""
    line = ["uvicorn", "web.api:app", f"--port={port}", "--timeout-graceful-shutdown=2"]
    return [*line, "--log-level=warning"]


# flowerconfig.py says 127.0.0.1; uvicorn listens there where nobody says otherwise.
_FLOWER = {"FLOWER_CONF": "flowerconfig.py", "FLOWER_URL_PREFIX": ""}
_UVICORN = {"UVICORN_HOST": "127.0.0.1", "UVICORN_RELOAD": "", "UVICORN_WORKERS": ""}
PAGES = {
    "flower": Page("Flower", "FLOWER_PORT", 5555, "/healthcheck", _flower, _FLOWER),
    "web": Page("the web app", "WEB_PORT", 8000, "/healthz", _web, _UVICORN),
}


def wanted_port(kind: str) -> int:
    """The port that its variable names, or its usual one.  Raises LabError for what is none."""
    page = PAGES[kind]
    given = os.environ.get(page.variable) or str(page.usual_port)
    if not given.isdecimal() or not 0 < int(given) < 2**16:
        raise LabError(
            f"{page.variable} must be 1 to 65535, got {given!r}",
            f"{page.variable}={page.usual_port} ./lab up",
        )
    return int(given)


def first_port(kind: str) -> int:
    """The first free port at or after the wanted one."""
    return next_free_port(wanted_port(kind), f"./lab up --no-{kind}")


def page_answers(process: ProcessId, port: int, path: str) -> bool:
    """True if the Flower or the web app that we started answers on its port."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", path)
        healthy = connection.getresponse().status == http.HTTPStatus.OK
        connection.close()
    except (OSError, http.client.HTTPException):
        return False
    return healthy and listens(process, port)
