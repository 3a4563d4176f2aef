"""The attempts of tasks that try again: how long they waited in between, and how long they will.

A ledger has a line for each attempt.  The state in the result backend tells of the last one alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from celery import Task
from celery.result import AsyncResult

from lab_home import REDIS_URL
from labkit.broker.check import client_for
from labkit.broker.queues import find_unacked
from labkit.waiting import wait_until
from work.ledger import Ledger

TIMEOUT_S = 30  # the longest wait of a lesson is 5 s; the rest is room for a busy worker


def short_name(task: Task) -> str:
    """The last part of a task's name."""
    return task.name.rpartition(".")[2]


@dataclass(frozen=True)
class Waits:
    """How long a task waited before each attempt but the first, and how long it should, in s.

    >>> print(Waits([1, 2], [1.04, 2.01]))
    1.0, 2.0
    """

    asked_s: Sequence[float]
    waited_s: Sequence[float]

    def __str__(self) -> str:
        return ", ".join(f"{one:.1f}" for one in self.waited_s)

    @property
    def as_many(self) -> bool:
        """True if there were as many attempts as there should be."""
        return len(self.waited_s) == len(self.asked_s)

    @property
    def late_s(self) -> list[float]:
        """How much longer than asked for each wait was; less than 0 where it was shorter."""
        both = zip(self.waited_s, self.asked_s, strict=False)
        return [waited_s - asked_s for waited_s, asked_s in both]


def waits_between(
    ledger: Ledger, task: Task, result: AsyncResult, asked_s: Sequence[float]
) -> Waits:
    """Wait until a task has made its attempts, or failed; how long it waited in between.

    SUCCESS is no sign that a task has ended: one that swallows its retry goes on after it.
    """
    wait_until(lambda: len(_times(ledger, task)) > len(asked_s) or result.failed(), TIMEOUT_S)
    return Waits(asked_s, [later - earlier for earlier, later in pairwise(_times(ledger, task))])


def wait_to_come(ledger: Ledger, task: Task, result: AsyncResult) -> float:
    """How long a task waits after its first attempt, in seconds, by the eta of its message.

    The message is one that a worker holds; nan if none comes in TIMEOUT_S seconds.
    """

    def due() -> float | None:
        with client_for(REDIS_URL) as client:
            found = find_unacked(client, result.id).found
        return found.message.eta.timestamp() if found and found.message.eta else None

    due_at = wait_until(due, TIMEOUT_S) or float("nan")
    return due_at - _times(ledger, task)[0]


def _times(ledger: Ledger, task: Task) -> list[float]:
    """When each attempt began, in seconds since 1970."""
    return [entry.time for entry in ledger.entries() if entry.job == short_name(task)]
