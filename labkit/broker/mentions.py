"""Where a task's id stands in the messages of other tasks: as a later step, a group, a parent.

The next steps of a workflow travel in the body of the step before.  Redis holds it in base64, in
which a text looks different at each of three places; so a search looks for all three, and decodes
what it finds.
"""

import base64
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from labkit.broker.messages import Message, needle

KEPT = 10  # mentions that are kept; all are counted
SHORT = 16  # characters; a shorter id is looked for with its quotes, because it is in many words
EMBEDDED = {"chain": "chain", "chord": "chord", "callbacks": "callback", "errbacks": "errback"}
NO_CAPITALS = string.ascii_lowercase + string.digits + "+/"
HEADERS = {"group": "group", "parent_id": "parent", "root_id": "root"}


@dataclass(frozen=True)
class Mention:
    """A message of another task that names the id.

    kind: chain (the id is a later step), chord (it is what follows a chord), callback, errback,
    group (the task belongs to this group), parent, root, or body: the id stands in a body that
    cannot be read.
    """

    kind: str
    message: Message
    queue: str


@dataclass
class Mentions:
    """The first mentions, and how many there are of each kind."""

    kept: list[Mention] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _seen: set[int] = field(default_factory=set)

    def look(self, raw: str, message: Message, queue: str, task_id: str) -> None:
        """Note what this message says of the id; the same text counts once."""
        if hash(raw) in self._seen:
            return
        for kind in kinds_in(message, task_id):
            self._seen.add(hash(raw))
            self.counts[kind] += 1
            if len(self.kept) < KEPT:
                self.kept.append(Mention(kind, message, queue))


def needles(task_id: str) -> list[str]:
    """The texts of which one stands in every message that names the id."""
    quoted = needle(task_id)
    text = quoted if len(task_id) < SHORT else quoted[1:-1]
    return [text, *(_in_base64(text.encode(), shift) for shift in range(3))]


def _in_base64(text: bytes, shift: int) -> str:
    """What base64 makes of a text that begins `shift` bytes after a multiple of three.

    Characters that its neighbours have a part in are left out.

    >>> _in_base64(b"a task", 1) in base64.b64encode(b"x a task y").decode()
    False
    >>> _in_base64(b"a task", 2) in base64.b64encode(b"x a task y").decode()
    True
    """
    whole = (shift + len(text)) * 8 // 6
    first = (0, 2, 3)[shift]
    certain = base64.b64encode(bytes(shift) + text).decode()[first:whole]
    # Capitals are rare outside of base64: a search for a text that begins with one is quicker.
    return certain.lstrip(NO_CAPITALS) or certain


def kinds_in(message: Message, task_id: str) -> set[str]:
    """In which ways another task's message names the id."""
    kinds = {kind for name, kind in HEADERS.items() if message.headers.get(name) == task_id}
    try:
        embedded = message.embedded()
    except ValueError:
        in_body = any(one in message.body for one in needles(task_id))
        return kinds or ({"body"} if in_body else set())
    for name, kind in EMBEDDED.items():
        for options in _options_in(embedded.get(name)):
            kinds |= {kind} if options.get("task_id") == task_id else set()
            kinds |= {"group"} if options.get("group_id") == task_id else set()
    return kinds


def _options_in(value: Any) -> Iterator[dict[str, Any]]:
    """The options of all signatures in a value.

    A step can be a chain or a chord itself: its steps stand in its arguments.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if isinstance(options := one.get("options"), dict):
                yield options
            waiting += one.values()
