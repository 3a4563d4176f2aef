"""A service of the lab's for one block of a lesson or a test.

with own_service("partners") as url:
    ...                                # url: http://127.0.0.1:40123
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from labkit.own.program import started
from labkit.processes.program import Program
from labkit.services.json_server import READY


class Service(Program):
    """A running service of the lab's."""

    kind = "service"


@contextmanager
def own_service(name: str) -> Iterator[str]:
    """Start labkit.services.NAME on a free port; give its address; stop it on the way out.

    Its log is LAB_HOME/logs/NAME.log.  Raises LabError if it does not start.
    """
    command = ["python", "-m", f"labkit.services.{name}"]
    with started(Service, name, command, show=False) as service:
        service.wait_until_ready(READY)
        service.wait_until_ready("\n")  # the whole line
        line = service.logged().splitlines()[0]
        yield line.removeprefix(READY)


@dataclass(frozen=True)
class OwnPartners:
    """Running partner services; see labkit/services/partners.py for paths and faults."""

    url: str

    def environment(self) -> dict[str, str]:
        """What a worker must find in its environment to use them."""
        return {"PARTNERS_URL": self.url}

    def go_wrong(self, path: str, fault: str, orders: Sequence[str], **more: Any) -> None:
        """Let a service fail for these orders: always, or times=N times for each."""
        self._post("faults", path=path, fault=fault, orders=list(orders), **more)

    def hold(self, path: str, *prefixes: str) -> None:
        """Keep back the answer to the next request for an order with each prefix."""
        for prefix in prefixes:
            self._post("faults", path=path, fault="hold", prefix=prefix, times=1)

    def held(self) -> list[str]:
        """The orders whose answer is kept back: the service has done what it was asked to do."""
        return sorted(one["order"] for one in self._get("held"))

    def go(self) -> None:
        """Answer what is held, and hold nothing any more."""
        self._post("go")

    def books(self) -> dict[str, Any]:
        """{"seats": {"balance": {"TL-7": 1}, "done": ..., "undone": ..., "repeated": int}, ...}."""
        return self._get("books")

    def _get(self, what: str) -> Any:
        import httpx

        return httpx.get(f"{self.url}/{what}", trust_env=False).raise_for_status().json()

    def _post(self, what: str, **content: Any) -> None:
        import httpx

        httpx.post(f"{self.url}/{what}", json=content, trust_env=False).raise_for_status()


@contextmanager
def own_partners() -> Iterator[OwnPartners]:
    """Start the airline, the bank and the post on a free port; stop them on the way out."""
    with own_service("partners") as url:
        yield OwnPartners(url)
