"""A Flower of one's own, with or without a password, for lessons and tests."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labkit.nodes import Node, started
from labkit.pages import PAGES

_RUNNING = "Visit me at "


class Flower(Node):
    """A running Flower."""

    kind = "Flower"

    @property
    def url(self) -> str:
        """Where it listens: http://127.0.0.1:PORT."""
        found = re.search(rf"{_RUNNING}(http://[\w.]+:\d+)", self.log.read_text(errors="replace"))
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
        flower.wait_until_ready(_RUNNING)
        yield flower
