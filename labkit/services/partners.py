"""The airline, the bank and the post of a ticket shop, in one small program of the lab.

    ./lab partners                       # for orders that the web API takes

    POST /seats, /cards, /mails          {"order": "TL-7", ...}    do it; work/orders/ asks so
    POST /seats/undo, ...                {"order": "TL-7"}         take it back
    GET  /books                          what each of them has done (Books.as_json)
    POST /faults                         {"path": "/cards", "fault": "hang up", "orders": ["TL-7"]}
    GET  /held                           [{"path": "/cards", "order": "TL-7"}]
    POST /go                             answer what is held, and hold nothing any more

Faults, for the orders that are named or that begin with "prefix", "times" times (or always):
    refuse      say no, the same each time that the key comes
    busy        503, and nothing is done
    hang up     do it, and close the connection without an answer
    hold        do it, and keep the answer back until POST /go
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.services.books import Books
from labkit.services.json_server import Answer, serve

NAMES = ("seats", "cards", "mails")
FAULTS = ("refuse", "busy", "hang up", "hold")
WORK_S = 0.03  # a service of another company takes longer; but 200 orders must fit into a lesson
HOLD_S = 60  # longer than a lesson holds anything


@dataclass
class Fault:
    """What goes wrong at one path, for some orders.

    times: so often for each of the orders that are named, or in all for those with a prefix.
    """

    path: str
    fault: str
    orders: Sequence[str] = ()
    prefix: str = ""
    times: float = float("inf")
    _struck: Counter[str] = field(default_factory=Counter)

    def strikes(self, path: str, order: str) -> bool:
        """True if it is meant; each time counts."""
        named = order in self.orders
        if path != self.path or not (named or (self.prefix and order.startswith(self.prefix))):
            return False
        who = order if named else self.prefix
        if self._struck[who] >= self.times:
            return False
        self._struck[who] += 1
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
            # The first one that is meant; only that one counts.
            fault = next((one.fault for one in self.faults if one.strikes(path, order)), "")
            if fault == "busy":
                return 503, {"Retry-After": "1"}, {"reason": "busy"}
            books = self.books[name]
            number, content = (
                books.undo(key, order) if undo else books.do(key, order, fault == "refuse")
            )
            if fault == "hold":
                self.held.append({"path": path, "order": order})
            go = self._go
        if fault == "hang up":
            return None
        if fault == "hold":
            go.wait(HOLD_S)
        return number, {}, content

    def _let_go(self, _content: Any) -> Answer:
        with self._lock:
            self.faults = [fault for fault in self.faults if fault.fault != "hold"]
            self.held.clear()
            go, self._go = self._go, threading.Event()
        go.set()
        return 200, {}, {}

    def _add_fault(self, content: Any) -> Answer:
        try:
            fault = Fault(**content)
        except TypeError as error:
            return 400, {}, {"reason": str(error)}
        if fault.fault not in FAULTS:
            return 400, {}, {"reason": f"fault must be one of {FAULTS}, got {fault.fault!r}"}
        with self._lock:
            self.faults.append(fault)
        return 201, {}, {}


if __name__ == "__main__":
    serve(PartnerServices().respond)
