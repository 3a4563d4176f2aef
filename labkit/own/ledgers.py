"""Ledgers of a lesson's own: there while it runs, gone when it ends.

A ledger that cannot be written any more looks like jobs that were not done.  So each lesson ends by
asking whether it can, before anybody believes what was counted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from shlex import quote

from lab_home import LAB_FILES, LAB_HOME
from labkit.errors import LabError, full_disk, in_shell
from labkit.own.facts import keep_facts
from labkit.waiting import wait_until
from work.ledger import Ledger, LedgerError

LOOK_S = 1.0  # to look at the disk more often than each second would only be work


@contextmanager
def own_ledgers(lesson: str, *names: str, repeat: str = "") -> Iterator[list[Ledger]]:
    """One ledger for each name; its run is called LESSON-TIME-NAME.

    Put it around the workers: a task that ends when they stop still writes its line.  Print what
    was counted behind the block: then it is known that all lines could be written.
    repeat: the command that the hint of an error names, where it is not the lesson's.
    Raises LabError if a ledger cannot be written or read, whatever else went wrong in the block.
    """
    moment = time.time_ns()
    ledgers = [Ledger(LAB_FILES / "ledgers", f"{lesson}-{moment}-{name}") for name in names]
    try:
        for ledger in ledgers:
            ledger.create()
        try:
            yield ledgers
        except (Exception, SystemExit):  # a claim that failed ends the lesson by SystemExit
            _require_writable(ledgers)  # else every other error is a consequence
            raise
        _require_writable(ledgers)
        keep_facts(ledgers)
    except LedgerError as error:
        again = repeat or f"./lab run {lesson.removeprefix('lesson')}"
        raise LabError(str(error), f"LAB_FILES=~/celery-lab-files {again}") from None
    finally:
        for ledger in ledgers:
            with suppress(OSError):  # where it could not be written, it cannot be removed
                ledger.remove()


def wait_for_lines(
    ledgers: Sequence[Ledger], condition: Callable[[], bool], timeout_s: float, what: str
) -> None:
    """Wait for what the tasks write down; at once to its end where a ledger cannot be written.

    what: what is waited for, as in "what did not come in 60 s".
    Raises LedgerError or LabError for such a ledger, and LabError when the time is over.
    """
    looked_at = time.monotonic()

    def met() -> bool:
        nonlocal looked_at
        if time.monotonic() - looked_at > LOOK_S:
            looked_at = time.monotonic()
            _require_room(ledgers)
        return condition()

    if not wait_until(met, timeout_s):
        lesson = ledgers[0].run.partition("-")[0]
        raise LabError(
            f"{what} did not come in {timeout_s:g} s",
            f"tail {in_shell(LAB_HOME / 'logs')}/{quote(lesson)}*.log",
        )


def _require_writable(ledgers: Sequence[Ledger]) -> None:
    """Raise LabError for a full disk, LedgerError for a ledger that takes no more lines."""
    _require_room(ledgers)
    for ledger in ledgers:
        ledger.note("CLOSE", "")  # a quota, or a broken disk, refuses bytes and not files


def _require_room(ledgers: Sequence[Ledger]) -> None:
    """The same, but it writes nothing."""
    if full := full_disk():
        raise full
    for ledger in ledgers:
        ledger.create()
