"""Ledgers of a lesson's own: there while it runs, gone when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab_home import LAB_FILES
from work.ledger import Ledger


@contextmanager
def own_ledgers(lesson: str, *names: str) -> Iterator[list[Ledger]]:
    """One ledger for each name; its run is called LESSON-TIME-NAME.

    Put it around the workers: a task that ends when they stop still writes its line.
    """
    moment = time.time_ns()
    ledgers = [Ledger(LAB_FILES / "ledgers", f"{lesson}-{moment}-{name}") for name in names]
    try:
        yield ledgers
    finally:
        for ledger in ledgers:
            ledger.remove()
