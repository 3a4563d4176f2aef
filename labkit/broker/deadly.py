"""What in a message ends its worker, or throws it off: some headers, and what is around them.

Tried with a worker of Celery 5.7 and kombu 5.7, one message of each kind
(tests/stack/helpers/odd_messages.py).
"""

import base64
from collections.abc import Mapping
from typing import Any

BASE64 = "base64"  # the one encoding of a body that kombu knows
ONE_ENDS = "the worker that takes it ends"  # and the message is gone
EACH_ENDS = "each worker that takes it ends"  # and gives it back
RECONNECTS = "the worker that takes it connects anew"  # and the message is gone


def deadly(headers: Mapping[str, Any]) -> str:
    """The header on which each worker ends that takes it, as the end of a sentence; "" if none.

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


def envelope_trouble(content: Mapping[str, Any]) -> str:
    """What is wrong with it and how a worker ends by it, as a sentence's end; "" if nothing is.

    content: {"body", "content-type", "content-encoding", "properties", ...}, as it lies in Redis.

    >>> envelope_trouble({"body": None, "properties": {}})
    'its body is empty, and each worker that takes it ends'
    """
    properties = content["properties"]
    return _of_body(content, properties) or _of_delivery(properties)


def _of_body(content: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    body, encoding = content.get("body") or "", properties.get("body_encoding")
    if body and encoding == BASE64:
        try:
            body = base64.b64decode(body.encode())
        except ValueError:
            return f"its body is no {BASE64}, and {ONE_ENDS}"
    elif body and encoding:
        return f"its body_encoding is {encoding!r:.60}, and {ONE_ENDS}"
    if not body:
        return f"its body is empty, and {EACH_ENDS}"
    if not content.get("content-type"):
        return f"it names no content type, and {EACH_ENDS}"
    if not isinstance(content.get("content-encoding") or "", str):
        return f"its content-encoding is no text, and {EACH_ENDS}"
    return ""


def _of_delivery(properties: Mapping[str, Any]) -> str:
    if "delivery_tag" not in properties:
        return f"it has no delivery tag, and {RECONNECTS}"
    if not isinstance(properties["delivery_tag"], str | int | float):
        return f"its delivery tag is no text, and {ONE_ENDS}"
    info = properties.get("delivery_info")
    if info and not isinstance(info, dict):
        return f"its delivery_info is no object, and {ONE_ENDS}"
    if not {"exchange", "routing_key"}.issubset(info or ()):
        return f"it does not say its queue (delivery_info), and {RECONNECTS}"
    return ""
