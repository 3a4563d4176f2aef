"""A service of the lab's for one block of a lesson or a test.

with own_service("partners") as url:
    ...                                # url: http://127.0.0.1:40123
"""

from collections.abc import Iterator
from contextlib import contextmanager

from labkit.nodes import Node, started
from labkit.services.server import READY


class Service(Node):
    """A running service of the lab's."""

    kind = "service"


@contextmanager
def own_service(name: str, *options: str) -> Iterator[str]:
    """Start labkit.services.NAME on a free port; give its address; stop it on the way out.

    Its log is LAB_HOME/logs/NAME.log.  Raises LabError if it does not start.
    """
    command = ["python", "-m", f"labkit.services.{name}", *options]
    with started(Service, name, command, show=False) as service:
        service.wait_until_ready(READY)
        service.wait_until_ready("\n")  # the whole line
        line = service.log.read_text().splitlines()[0]
        yield line.removeprefix(READY)
