"""A web server of one's own: uvicorn on a free port, for lessons and tests."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labkit.nodes import Node, started
from labkit.pages import PAGES

_RUNNING = "Uvicorn running on "


class WebServer(Node):
    """A running uvicorn."""

    kind = "web server"

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:PORT."""
        found = re.search(rf"{_RUNNING}(\S+)", self.log.read_text(errors="replace"))
        return found[1] if found else ""


@contextmanager
def own_web(
    name: str, app: str, *, environment: Mapping[str, str] | None = None, show: bool = True
) -> Iterator[WebServer]:
    """Start uvicorn with an app such as "web.api:app"; give it when it listens; stop it afterwards.

    environment, show: as for own_worker.
    Raises LabError if it ends or does not listen in READY_TIMEOUT_S seconds.
    """
    # Port 0: the system chooses a free one, and uvicorn says which.
    command = ["uvicorn", app, "--port=0", "--timeout-graceful-shutdown=2"]
    ours = PAGES["web"].environment | dict(environment or {})
    with started(WebServer, name, command, ours, show=show) as server:
        server.wait_until_ready(_RUNNING)
        yield server
