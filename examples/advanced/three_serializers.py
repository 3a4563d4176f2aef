"""What JSON, YAML and pickle make of the same values.  Lesson 39 prints it.

kombu, which Celery brings along, has them all; these are the two functions that each message
goes through: dumps() where it is sent, loads() where it is received.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from kombu.exceptions import EncodeError
from kombu.serialization import dumps, loads

from labkit.lesson import table

NAMES = ("json", "yaml", "pickle")
ROWS = 200  # flights in the message that is measured
TIMES = 3


@dataclass(frozen=True)
class Seat:
    """A class of one's own."""

    row: int
    letter: str


VALUES: dict[str, Any] = {
    "text, numbers, None": ["Oslo", 12900, 0.5, None],
    "datetime": datetime(2026, 11, 20, 7, 30, tzinfo=UTC),
    "bytes": b"\x00\xff",
    "Decimal": Decimal("129.00"),
    "UUID": UUID(int=7),
    "tuple": (12, "A"),
    "set": {"12A", "12B"},
    "dict with int keys": {12: "A"},
    "a class of your own": Seat(12, "A"),
}


def round_trip(value: Any, name: str) -> Any:
    """Send a value and receive it, without a broker.  Raises EncodeError if it cannot be sent."""
    content_type, encoding, body = dumps(value, name)
    return loads(body, content_type, encoding, accept={content_type})


def outcome(value: Any, name: str) -> str:
    """ "same", "refused", or what has become of it.

    >>> [outcome({12: "A"}, name) for name in NAMES]
    ["{'12': 'A'}", 'same', 'same']
    """
    try:
        received = round_trip(value, name)
    except EncodeError:
        return "refused"
    same = type(received) is type(value) and received == value
    return "same" if same else str(received)


def cost(name: str) -> tuple[int, float]:
    """The bytes of a message of ROWS flights, and the processor seconds to write and read it.

    The shortest of several times: the first one also loads code.
    """
    flights = [
        {"number": f"TL-{row}", "from": "Oslo", "to": "Lima", "price_cents": 12900 + row}
        for row in range(ROWS)
    ]
    content_type, encoding, body = dumps(flights, name)
    times_s = []
    for _ in range(TIMES):
        start_s = time.process_time()
        dumps(flights, name)
        loads(body, content_type, encoding, accept={content_type})
        times_s.append(time.process_time() - start_s)
    return len(body), min(times_s)


def show() -> float:
    """Print what becomes of VALUES, and what a message costs; return YAML's time by JSON's."""
    costs = {name: cost(name) for name in NAMES}
    _, json_s = costs["json"]
    _, yaml_s = costs["yaml"]
    table(
        *("", *NAMES),
        rows=[
            *((what, *(outcome(value, name) for name in NAMES)) for what, value in VALUES.items()),
            (f"{ROWS} flights, bytes", *(size for size, _ in costs.values())),
            ("the time, JSON = 1", *(f"{seconds / json_s:.1f}" for _, seconds in costs.values())),
        ],
    )
    return yaml_s / json_s
