"""The airline, the bank and the post of a ticket shop, in one small program of the lab.

    POST /seats, /cards, /mails          {"order": "TL-7", ...}    do it; work/partners.py asks so
    POST /seats/undo, ...                {"order": "TL-7"}         take it back
    GET  /books                          what each of them has done (Books.as_json)
    POST /faults                         {"path": "/cards", "fault": "hang up", "orders": ["TL-7"]}
    GET  /held                           [{"path": "/cards", "order": "TL-7"}]
    POST /go                             answer what is held

Faults, for the orders that are named or that begin with "prefix", `times` times (default: always):
    refuse      say no, the same each time that the key comes
    busy        503, and nothing is done
    hang up     do it, and close the connection without an answer
    hold        do it, and keep the answer back until POST /go
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labkit.services.books import Books
from labkit.services.server import Answer, serve

NAMES = ("seats", "cards", "mails")
FAULTS = ("refuse", "busy", "hang up", "hold")
WORK_S = 0.03  # a service of another company takes longer; but 200 orders must fit into a lesson
HOLD_S = 60  # longer than a lesson holds anything


@dataclass
class Fault:
    """What goes wrong at one path, for some orders."""

    path: str
    fault: str
    orders: tuple[str, ...] = ()
    prefix: str = ""
    times: float = float("inf")

    def strikes(self, path: str, order: str) -> bool:
        """True if it is meant; each time counts."""
        meant = path == self.path and (
            order in self.orders or bool(self.prefix and order.startswith(self.prefix))
        )
        if not meant or self.times <= 0:
            return False
        self.times -= 1
        return True


@dataclass
class PartnerServices:
    """All three services, with their books and faults."""

    work_s: float = WORK_S
    books: dict[str, Books] = field(default_factory=lambda: {name: Books() for name in NAMES})
    faults: list[Fault] = field(default_factory=list)
    held: list[dict[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _go: threading.Event = field(default_factory=threading.Event)

    def respond(self, method: str, path: str, key: str, content: Any) -> Answer:
        """Answer one request; called by many threads."""
        commands: dict[tuple[str, str], Callable[[Any], Answer]] = {
            ("GET", "/books"): self._tell,
            ("GET", "/held"): lambda _content: (200, {}, list(self.held)),
            ("POST", "/faults"): self._add_fault,
            ("POST", "/go"): self._let_go,
        }
        if command := commands.get((method, path)):
            return command(content)
        name, _, undo = path.removeprefix("/").partition("/")
        if method != "POST" or name not in NAMES or undo not in {"", "undo"}:
            return 404, {}, {"reason": f"there is no {method} {path}"}
        if not isinstance(content, dict) or not isinstance(content.get("order"), str):
            return 400, {}, {"reason": 'expected {"order": "..."}'}
        return self._work(name, bool(undo), key, content["order"])

    def _tell(self, _content: Any) -> Answer:
        with self._lock:
            return 200, {}, {name: books.as_json() for name, books in self.books.items()}

    def _work(self, name: str, undo: bool, key: str, order: str) -> Answer:
        path = f"/{name}/undo" if undo else f"/{name}"
        time.sleep(self.work_s)  # the work itself
        with self._lock:
            struck = [one.fault for one in self.faults if one.strikes(path, order)]
            fault = struck[0] if struck else ""
            if fault == "busy":
                return 503, {"Retry-After": "1"}, {"reason": "busy"}
            books = self.books[name]
            number, content = (
                books.undo(key, order) if undo else books.do(key, order, fault == "refuse")
            )
        if fault == "hang up":
            return None
        if fault == "hold":
            go, entry = self._go, {"path": path, "order": order}
            self.held.append(entry)
            go.wait(HOLD_S)
        return number, {}, content

    def _let_go(self, _content: Any) -> Answer:
        self.held.clear()
        go, self._go = self._go, threading.Event()
        go.set()
        return 200, {}, {}

    def _add_fault(self, content: Any) -> Answer:
        try:
            fault = Fault(**content)
            fault.orders = tuple(fault.orders)
        except TypeError as error:
            return 400, {}, {"reason": str(error)}
        if fault.fault not in FAULTS:
            return 400, {}, {"reason": f"fault must be one of {FAULTS}, got {fault.fault!r}"}
        with self._lock:
            self.faults.append(fault)
        return 201, {}, {}


if __name__ == "__main__":
    serve(PartnerServices().respond)
