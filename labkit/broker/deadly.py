"""Headers on which a worker ends: it gives the message back, and the next one ends, too.

Tried with a worker of Celery 5.7, one message of each kind (tests/stack/helpers/odd_messages.py).
"""

from collections.abc import Mapping
from typing import Any


def deadly(headers: Mapping[str, Any]) -> str:
    """Which header that is, as the end of a sentence; "" if none is known to end a worker.

    >>> deadly({"eta": "", "expires": None})
    "its eta is no time: ''"
    >>> deadly({"timelimit": [9, None], "id": "1"})
    ''
    """
    for name in ("eta", "expires"):
        # A text that is no time is thrown away.  What is empty passes, and is used as a time.
        if headers.get(name) is not None and not headers[name]:
            return f"its {name} is no time: {headers[name]!r}"
    for name in ("id", "task"):
        if isinstance(headers.get(name), list | dict):
            return f"its {name} is no text: {headers[name]!r:.60}"
    if (limits := headers.get("timelimit")) and not _is_pair(limits):
        return f"its timelimit is no pair of numbers: {limits!r:.60}"
    if (names := headers.get("stamped_headers")) and not _are_names(names):
        return f"its stamped_headers are no list of names: {names!r:.60}"
    return ""


def _is_pair(limits: Any) -> bool:
    """Two values; the pool makes a number of the second one, the soft limit, if there is one."""
    try:
        _, soft = limits
        float(soft or 0)
    except (TypeError, ValueError):
        return False
    return True


def _are_names(names: Any) -> bool:
    if isinstance(names, list):
        return not any(isinstance(one, list | dict) for one in names)
    return isinstance(names, str | dict)  # it goes through their letters, or keys
