"""One message as it lies in Redis: decoded as far as it can be read.

Celery writes protocol 2: the id and the task's name stand in the headers, the arguments in the
body.  Protocol 1 (task_protocol=1, or a sender older than Celery 4) has no headers, and all of it
in the body.  What anybody else has put into a queue may be anything.
"""

import base64
import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labkit.broker.deadly import deadly

if TYPE_CHECKING:
    from celery import Celery

JSON = "application/json"
GZIP = "application/x-gzip"  # of kombu's ways to compress a body the one that Python always has
NO_ENVELOPE = "it has no headers, properties and body"
NO_TRIPLE = "its body is not of the form [args, kwargs, what follows]"
INFLATED_BYTES = 1 << 24  # of a compressed body: more is not unpacked only to be looked at


@dataclass(frozen=True)
class Message:
    """One message, decoded except for its body.

    task_id, task: "" where it names none.  headers: those of protocol 2 in both protocols.
    Without a header `id`, task_id is what Celery writes beside it, the correlation_id.
    """

    task_id: str
    task: str  # the name of the task
    headers: dict[str, Any]
    properties: dict[str, Any]
    body: str  # base64 text
    content_type: str = JSON
    protocol: int = 2

    @property
    def named(self) -> bool:
        """True if it says which task it is, and its id: without these a worker can do nothing."""
        return bool(self.headers.get("id") and self.task)

    @property
    def eta(self) -> datetime | None:
        """When it is due, if it was sent with eta, countdown or a retry's wait; None if unread."""
        return self._moment("eta")

    @property
    def expires(self) -> datetime | None:
        """After this a worker throws it away instead of running it; None if unread."""
        return self._moment("expires")

    @property
    def retries(self) -> int:
        """How many attempts there were before this one; 0 if unread."""
        value = self.headers.get("retries")
        return value if isinstance(value, int) else 0

    @cached_property
    def unread(self) -> list[str]:
        """What in it cannot be read, one sentence's part each; empty for an ordinary message."""
        parts = [f"it names no {name}" for name in ("id", "task") if not self.headers.get(name)]
        for name in ("eta", "expires"):
            if self.headers.get(name) is not None and self._moment(name) is None:
                parts.append(f"its {name} is no time: {self.headers[name]!r:.60}")
        if not isinstance(self.headers.get("retries") or 0, int):
            parts.append(f"its retries are no number: {self.headers['retries']!r:.60}")
        try:
            self.arguments()
        except ValueError as error:
            parts.append(str(error))
        return parts

    @cached_property
    def deadly(self) -> str:
        """Which header ends a worker, as the end of a sentence; "" if none does."""
        return deadly(self.headers)

    def payload(self) -> Any:
        """The body, decoded; ValueError if it is no JSON."""
        if self.content_type not in {"", JSON}:
            raise ValueError(f"its content type is {self.content_type!r:.80}")
        compression = self.headers.get("compression")
        if compression not in {None, GZIP}:
            raise ValueError(f"its body is compressed, as {compression!r:.80}")
        plain = self.properties.get("body_encoding") != "base64"
        try:
            data = self.body.encode() if plain else base64.b64decode(self.body)
            return json.loads(_inflated(data) if compression else data)
        except (ValueError, RecursionError, zlib.error):
            raise ValueError("its body is no JSON") from None

    def arguments(self) -> tuple[list, dict]:
        """(args, kwargs); ValueError if the body is not JSON."""
        payload = self.payload()
        if isinstance(payload, dict) and (self.protocol == 1 or "args" in payload):
            args, kwargs = payload.get("args") or [], payload.get("kwargs") or {}
        elif isinstance(payload, list) and len(payload) == 3:
            args, kwargs = payload[:2]
        else:
            raise ValueError(NO_TRIPLE)
        if not (isinstance(args, list) and isinstance(kwargs, dict)):
            raise ValueError("its body holds no list and no object of arguments")
        return args, kwargs

    def embedded(self) -> dict[str, Any]:
        """What comes after this task: {"chain": [...], "chord": ..., "callbacks", "errbacks"}."""
        payload = self.payload()
        embed = payload[2] if isinstance(payload, list) and len(payload) == 3 else payload
        return embed if isinstance(embed, dict) else {}

    def refusal(self, accepted: Collection[str] = (JSON,)) -> str:
        """Why no worker will run it, as the end of a sentence; "" if nothing speaks against it.

        accepted: the content types that workers take (accepted_types).
        """
        if self.content_type not in accepted:
            return f"content type {self.content_type!r:.80} is not accepted"
        if self.deadly:
            return self.deadly
        readable = self.content_type == JSON and not self.headers.get("compression")
        for part in self.unread:
            # A worker does not look at the retries, and takes the year 9999 for a time.
            if part.startswith(("it names no", "its body")) and (readable or not self.named):
                return part
        for name in ("eta", "expires"):
            if not _is_time(self.headers.get(name)):
                return f"its {name} is no time: {self.headers[name]!r:.60}"
        return ""

    def _moment(self, name: str) -> datetime | None:
        try:
            return moment(self.headers.get(name))
        except ValueError:
            return None


def accepted_types(app: "Celery") -> frozenset[str]:
    """The content types that the workers of this app take: {"application/json"}."""
    from kombu.serialization import prepare_accept_content

    return frozenset(prepare_accept_content(app.conf.accept_content) or ())


def moment(text: Any) -> datetime | None:
    """A time as Celery writes it, which is UTC where it names no zone; None for none.

    ValueError if it is no time, or one that this machine's zone cannot show (the year 9999).
    """
    if text is None:
        return None
    if not _is_time(text):
        raise ValueError(f"no time: {text!r}")
    when = datetime.fromisoformat(text)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    try:
        when.astimezone()
    except (OverflowError, OSError):
        raise ValueError(f"no time here: {text!r}") from None
    return when


def _is_time(text: Any) -> bool:
    try:
        return text is None or bool(datetime.fromisoformat(text))
    except (ValueError, TypeError):
        return False


def needle(task_id: str) -> str:
    """A task id as it stands in a message's text, quotes included; a short id is in many words."""
    return json.dumps(task_id)


def decode_message(raw: str) -> Message:
    """Decode what a queue's list holds; ValueError if it is no message of Celery's."""
    return message_of(parsed(raw))


def parsed(raw: str) -> Any:
    """The JSON of a message as it lies in Redis; ValueError says what is wrong with it."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("it is JSON with too many brackets in brackets") from None
    except ValueError:
        raise ValueError("it is no JSON") from None


def decode_taken(raw: str) -> tuple[Message, str, str]:
    """(message, exchange, routing key) of a message in `unacked`; ValueError if it is none."""
    try:
        content, exchange, key = json.loads(raw)
    except (TypeError, RecursionError):
        raise ValueError("no unacknowledged message") from None
    if not isinstance(key, str) or not isinstance(exchange, str):
        raise ValueError("no unacknowledged message: it does not say its queue")
    return message_of(content), exchange, key


def message_of(content: Any) -> Message:
    """The Message in an envelope: its keys headers, properties and body.  ValueError if none."""
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    headers = content.get("headers") if content.get("headers") is not None else {}
    properties, body = content.get("properties"), content.get("body") or ""
    if not (isinstance(headers, dict) and isinstance(properties, dict) and isinstance(body, str)):
        raise ValueError(NO_ENVELOPE)
    protocol = 2
    kind = str(content.get("content-type") or "")
    if not headers.get("task"):
        old = _protocol_1(headers, properties, body, kind)
        protocol, headers = (1, old | headers) if old else (2, headers)
    task_id = headers.get("id") or properties.get("correlation_id") or ""
    return Message(
        str(task_id), str(headers.get("task") or ""), headers, properties, body, kind, protocol
    )


def _protocol_1(headers: dict, properties: dict, body: str, kind: str) -> dict[str, Any]:
    """The headers that a body of protocol 1 stands for; {} if it is none."""
    try:
        payload = Message("", "", headers, properties, body, kind).payload()
    except ValueError:
        return {}
    if not (isinstance(payload, dict) and payload.get("task")):
        return {}
    inside = {"args", "kwargs", "callbacks", "errbacks", "chord"}
    return {name: value for name, value in payload.items() if name not in inside}


def _inflated(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(data, INFLATED_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError("too long")
    return data
