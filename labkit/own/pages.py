"""Web pages of one's own, on free ports: uvicorn, and Flower with or without a password."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labkit.own.program import started
from labkit.processes.program import Program
from labkit.services.pages import PAGES

_RUNNING = "Uvicorn running on "  # how uvicorn says where it listens
_VISIT = "Visit me at "  # and Flower


class WebServer(Program):
    """A running uvicorn."""

    kind = "web server"

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:PORT."""
        found = re.search(rf"{_RUNNING}(\S+)", self.logged())
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


class Flower(Program):
    """A running Flower."""

    kind = "Flower"

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:PORT."""
        found = re.search(rf"{_VISIT}(http://[\w.]+:\d+)", self.logged())
        return found[1] if found else ""


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
        flower.wait_until_ready(_VISIT)
        yield flower
