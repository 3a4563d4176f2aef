"""Web pages of one's own, on free ports: uvicorn, and Flower with or without a password."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labkit.own.program import started
from labkit.processes.program import Program
from labkit.services.pages import PAGES


class WebServer(Program):
    """A running uvicorn."""

    kind = "web server"
    listens = "Uvicorn running on "  # how it says where

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:PORT."""
        found = re.search(rf"{self.listens}(http://[\w.]+:\d+)", self.logged())
        return found[1] if found else ""


class Flower(WebServer):
    """A running Flower."""

    kind = "Flower"
    listens = "Visit me at "


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
        server.wait_until_ready(server.listens)
        yield server


@contextmanager
def own_flower(
    name: str,
    user: str = "",
    password: str = "",
    *,
    environment: Mapping[str, str] | None = None,
    show: bool = True,
) -> Iterator[Flower]:
    """Start Flower with one user, or with none; give it when it listens; stop it afterwards.

    environment, show: as for own_worker.
    Raises LabError if it ends or does not listen in READY_TIMEOUT_S seconds.
    """
    # Port 0: the system chooses a free one, and Flower says which.
    command = ["celery", "-A", "celery_app", "flower", "--port=0"]
    ours = PAGES["flower"].environment | dict(environment or {})
    if user:
        # In the environment: what stands on a command line, everybody on the machine can read.
        ours["FLOWER_BASIC_AUTH"] = f"{user}:{password}"
    with started(Flower, name, command, ours, show=show) as flower:
        flower.wait_until_ready(flower.listens)
        yield flower
