"""What around a message's headers keeps a worker from reading it, and what becomes of the worker.

Tried with a worker of Celery 5.7 and kombu 5.7, one message of each kind.
"""

import base64
from collections.abc import Mapping
from typing import Any

BASE64 = "base64"  # the one encoding of a body that kombu knows
ONE_ENDS = "the worker that takes it ends"  # and the message is gone
EACH_ENDS = "each worker that takes it ends"  # and gives it back
RECONNECTS = "the worker that takes it connects anew"  # and the message is gone


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
