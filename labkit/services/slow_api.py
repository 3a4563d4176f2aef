"""A service like a language model's: slow, limited to 10 calls in any second, and paid by call.

POST /answers    Idempotency-Key: letter-7    {"letter": "letter-7"}
GET  /bill       what was called, refused and paid since the last POST /reset
POST /reset      {"hang_up": 3}: the next 3 new letters are paid, and their answer gets lost
"""

import math
import threading
import time
from collections import Counter, deque
from typing import Any

from labkit.services.json_server import Answer, serve

LIMIT = 10  # calls in any sliding second
SECOND_S = 1.0
THINKING_S = 0.5


class SlowApi:
    """The service and its books.  It counts by its own clock, when a request has arrived."""

    def __init__(self, clock: Any = time.monotonic, sleep: Any = time.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._hang_up = 0
        self._reset({})

    def respond(self, method: str, path: str, key: str, content: Any) -> Answer:
        """Answer one request; called by many threads."""
        if (method, path) == ("GET", "/bill"):
            with self._lock:
                return 200, {}, self._bill()
        if (method, path) == ("POST", "/reset"):
            with self._lock:
                return self._reset(content)
        if (method, path) == ("POST", "/answers") and isinstance(content, dict):
            return self._answer(key, str(content.get("letter")))
        return 404, {}, {"reason": f"there is no {method} {path}"}

    def _answer(self, key: str, letter: str) -> Answer:
        with self._lock:
            now = self._clock()
            while self._window and now - self._window[0] >= SECOND_S:
                self._window.popleft()
            if len(self._window) >= LIMIT:
                self._refused.append(now)
                wait_s = SECOND_S - (now - self._window[0])
                return 429, {"Retry-After": str(math.ceil(wait_s))}, {"reason": "too many calls"}
            self._window.append(now)
            self._calls.append(now)
            known = bool(key) and key in self._paid
            if not known:
                self._paid[key or letter] += 1
            lost = not known and self._hang_up > 0
            self._hang_up -= lost
        self._sleep(THINKING_S)
        with self._lock:
            self._last_answer = self._clock()
        return None if lost else (200, {}, {"letter": letter, "answer": f"Dear {letter}, ..."})

    def _bill(self) -> dict[str, Any]:
        first = min([*self._calls, *self._refused], default=0.0)
        return {
            "calls": len(self._calls),
            "refused": len(self._refused),
            "refused_later": sum(moment - first > SECOND_S for moment in self._refused),
            "paid": dict(self._paid),
            "most_in_a_second": most_in_a_second(self._calls),
            "seconds": max(0.0, self._last_answer - first),
        }

    def _reset(self, content: Any) -> Answer:
        self._window: deque[float] = deque()
        self._calls: list[float] = []
        self._refused: list[float] = []
        self._paid: Counter[str] = Counter()
        self._last_answer = 0.0
        self._hang_up = int(content.get("hang_up", 0))
        return 200, {}, {}


def most_in_a_second(moments: list[float]) -> int:
    """The most moments in any half-open second.

    >>> most_in_a_second([0.0, 0.5, 0.9, 1.0, 1.4])
    4
    """
    ordered = sorted(moments)
    most = begin = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[begin] >= SECOND_S:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def bill(url: str) -> dict[str, Any]:
    """Ask a running service for its bill."""
    import httpx

    return httpx.get(f"{url}/bill", trust_env=False).raise_for_status().json()


def reset(url: str, hang_up: int = 0) -> None:
    """Let a running service begin a new bill, and lose the answers to the next new letters."""
    import httpx

    httpx.post(f"{url}/reset", json={"hang_up": hang_up}, trust_env=False).raise_for_status()


if __name__ == "__main__":
    serve(SlowApi().respond)
