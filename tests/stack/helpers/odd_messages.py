"""Messages that Celery would not write today, as other programs put them into a queue."""

import base64
import json
import pickle
import uuid
from collections.abc import Callable

BODY = [[1, 2], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
TASK = "tasks.basic_tasks.add"


def headers(task_id: str, **changes: object) -> dict[str, object]:
    """The headers that Celery gives a message of protocol 2."""
    usual = {"lang": "py", "task": TASK, "id": task_id, "root_id": task_id, "parent_id": None}
    rest = {"group": None, "retries": 0, "eta": None, "expires": None, "timelimit": [None, None]}
    return usual | rest | {"argsrepr": "(1, 2)", "kwargsrepr": "{}", "origin": "test"} | changes


def envelope(
    said: dict[str, object],
    body: bytes = json.dumps(BODY).encode(),
    kind: str = "application/json",
    queue: str = "basic",
    encoding: str = "utf-8",
) -> str:
    """A message as it lies in Redis."""
    properties = {
        "correlation_id": said.get("id"),
        "reply_to": "",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
    }
    content = {"body": base64.b64encode(body).decode(), "content-type": kind, "headers": said}
    return json.dumps(content | {"content-encoding": encoding, "properties": properties})


def old(task_id: str, **changes: object) -> bytes:
    """A body of protocol 1, which holds all."""
    usual = {"task": TASK, "id": task_id, "args": [1, 2], "kwargs": {}, "retries": 0}
    return json.dumps(usual | {"eta": None, "expires": None, "utc": True} | changes).encode()


ODD: dict[str, Callable[[str], str]] = {
    "pickle": lambda one: envelope(
        headers(one), pickle.dumps(BODY), "application/x-python-serialize", encoding="binary"
    ),
    "bad body": lambda one: envelope(headers(one), b"{not json"),
    "a body of another form": lambda one: envelope(headers(one), b'"text"'),
    "protocol 1": lambda one: envelope({}, old(one)),
    "protocol 1 with an eta": lambda one: envelope({}, old(one, eta="2030-01-01T00:00:00")),
    "no task": lambda one: envelope({"id": one}),
    "no id": lambda _one: envelope({"task": TASK}),
    "an eta that is no time": lambda one: envelope(headers(one, eta="yesterday")),
    "an eta at the end of time": lambda one: envelope(
        headers(one, eta="9999-12-31T23:59:59.999999+00:00")
    ),
    "a timelimit that is no pair": lambda one: envelope(headers(one, timelimit="x")),
    "an eta that is no text": lambda one: envelope(headers(one, eta=[1])),
    "an expiry that is no time": lambda one: envelope(headers(one, expires=7)),
    "retries that are no number": lambda one: envelope(headers(one, retries="x")),
    "an empty object": lambda _one: "{}",
    "garbage": lambda _one: "garbage, not json",
    "a list": lambda _one: "[1, 2]",
    "too many brackets": lambda _one: "[" * 100_000,
}


def _headed(**changes: object) -> Callable[[str], str]:
    return lambda one: envelope(headers(one, **changes))


def around(queue: str = "basic", **changes: object) -> str:
    """A message with something else around its headers: body, content_type, or a property."""
    content = json.loads(envelope(headers(str(uuid.uuid4())), queue=queue))
    for name, value in changes.items():
        place = content["properties"] if name in content["properties"] else content
        place[name.replace("content_", "content-")] = value
    return json.dumps(content)


# What ends a worker of Celery 5.7, which gives it back; the next one ends, too.
ENDING: dict[str, Callable[[str], str]] = {
    "eta: an empty text": _headed(eta=""),
    "eta: an empty list": _headed(eta=[]),
    "eta: an object": _headed(eta={}),
    "eta: 0": _headed(eta=0),
    "expires: an empty text": _headed(expires=""),
    "expires: an object": _headed(expires={}),
    "timelimit: a text": _headed(timelimit="x"),
    "timelimit: a number": _headed(timelimit=5),
    "timelimit: one of two": _headed(timelimit=[1]),
    "arguments: 500 lists in one another": lambda one: envelope(
        headers(one), f"[[{'[' * 500}{']' * 500}, 2], {{}}, {{}}]".encode()
    ),
    "timelimit: two texts": _headed(timelimit=["x", "y"]),
    "timelimit: no number of seconds": _headed(timelimit=[None, "x"]),
    "stamped_headers: a number": _headed(stamped_headers=5),
    "stamped_headers: an object in a list": _headed(stamped_headers=[{}]),
    "task: a list": _headed(task=["a"]),
    "task: an object": _headed(task={"a": 1}),
    "id: a list": _headed(id=["a"]),
    "id: an object": _headed(id={}),
    "no id": ODD["no id"],
    "a body of another form": ODD["a body of another form"],
}
