"""How long workers hold the messages of a trial, for the picture of a recorded run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf

import redis

from labkit.broker.queues import taken_first
from labkit.lesson.setup import Setup
from labkit.lesson.setups import Setups
from labkit.own.facts import note_left, note_taken

LOOK_S = 0.05  # a picture has about 60 pixels for a second


def watch_messages(setups: Setups) -> None:
    """Note when messages are taken and when they leave their workers, until the workers stop."""
    setups.running.enter_context(_watching(setups))


@contextmanager
def _watching(setups: Setups) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        held: list[dict[str, float]] = [{} for _ in setups]
        while not over.wait(LOOK_S):
            with suppress(redis.RedisError):  # a broker that has ended is told by the lesson
                held = [look(one, before) for one, before in zip(setups, held, strict=True)]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def look(one: Setup, before: dict[str, float]) -> dict[str, float]:
    """Note what has changed since the last look.

    before, and what is returned: {job: when a worker took its message, as Redis has it}.
    """
    sent = list(one.results.items())  # the lesson may send more meanwhile
    jobs = {result.id: job for job, result in sent}
    taken = taken_first(one.client).values()
    now = {
        jobs[held.message.task_id]: held.taken_at for held in taken if held.message.task_id in jobs
    }
    for job, moment in now.items():
        note_taken(one.ledger, job, moment)
    for job, moment in before.items():
        if now.get(job) != moment:  # it was taken again since, or it is with no worker
            note_left(one.ledger, job, min(now.get(job, inf), time.time()))
    return now
