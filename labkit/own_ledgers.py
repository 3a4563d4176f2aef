"""Ledgers of a lesson's own: there while it runs, gone when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lab_home import LAB_FILES
from labkit.errors import LabError
from work.ledger import Ledger, LedgerError


@contextmanager
def own_ledgers(lesson: str, *names: str, repeat: str = "") -> Iterator[list[Ledger]]:
    """One ledger for each name; its run is called LESSON-TIME-NAME.

    Put it around the workers: a task that ends when they stop still writes its line.
    repeat: the command that the hint of an error names, where it is not the lesson's.
    Raises LabError if a ledger cannot be written or read.
    """
    moment = time.time_ns()
    ledgers = [Ledger(LAB_FILES / "ledgers", f"{lesson}-{moment}-{name}") for name in names]
    try:
        for ledger in ledgers:
            ledger.create()
        yield ledgers
    except LedgerError as error:
        again = repeat or f"./lab run {lesson.removeprefix('lesson')}"
        raise LabError(str(error), f"LAB_FILES=/some/folder/of/yours {again}") from None
    finally:
        for ledger in ledgers:
            with suppress(OSError):  # where it could not be written, it cannot be removed
                ledger.remove()
