"""docs/guarantees.md: written from the counts, and read back to compare."""

import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from labkit.errors import LabError
from labkit.matrix.cells import (
    CELLS,
    COUNTED,
    JOBS,
    LONG_JOB_S,
    PREFETCH,
    SHORT_JOB_S,
    SLOTS,
    VISIBILITY_S,
    Counts,
    Measured,
)
from labkit.words import several

PAGE = "docs/guarantees.md"
PICTURE = "docs/pictures/guarantees.svg"
Versions = Mapping[str, str]  # "Celery" -> "5.7.0"

_ROW = re.compile(r"^\| ([a-z_, ]+?) \| (early|late) \|((?: \**\d+\** \|){4})", re.MULTILINE)

_TEXT = Path(__file__).with_name("page.md")  # with a {name} where something is filled in


def page_text(measured: Measured, versions: Versions) -> str:
    """The whole page."""
    return _TEXT.read_text(encoding="utf-8").format(
        jobs=JOBS,
        slots=SLOTS,
        prefetch=PREFETCH,
        long=LONG_JOB_S,
        short=SHORT_JOB_S,
        visibility=VISIBILITY_S,
        table="\n".join(_table(measured)),
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
    )


def _table(measured: Measured) -> list[str]:
    rows = [
        f"| what fails | acknowledged | {' | '.join(COUNTED)} | in words |",
        f"|---|---|{'---:|' * len(COUNTED)}---|",
    ]
    for cell, counts in measured.items():
        numbers = " | ".join(f"**{n}**" if n else "0" for n in counts)
        words = counts.in_words()
        rows.append(f"| {cell.row} | {cell.acknowledgement} | {numbers} | {words} |")
    return rows


def counts_on(page: str) -> Measured:
    """What a page says.  Raises LabError unless it has each cell once."""
    by_name = {(cell.row, cell.acknowledgement): cell for cell in CELLS}
    found: Measured = {}
    rows = _ROW.findall(page)
    for row, acknowledgement, numbers in rows:
        cell = by_name.get((row, acknowledgement))
        if cell:
            found[cell] = Counts(*map(int, re.findall(r"\d+", numbers)))
    if len(rows) != len(CELLS) or len(found) != len(CELLS):
        wrong = f"{PAGE} should have a table of {len(CELLS)} rows, and has {len(found)} of them"
        raise LabError(wrong, "./lab matrix")
    return {cell: found[cell] for cell in CELLS}


def versions_here(server: str) -> Versions:
    """The versions that are installed.  server: the broker's name and version."""
    name, _, number = server.rpartition(" ")
    return {
        "Python": platform.python_version(),
        "Celery": version("celery"),
        "kombu": version("kombu"),
        "redis-py": version("redis"),
        name: number,
    }


def changes(told: Measured, measured: Measured) -> list[str]:
    """A line for each cell whose counts differ, with the old and the new value of each count.

    >>> from labkit.matrix.cells import Cell, Counts
    >>> cell = Cell("worker killed", "late")
    >>> changes({cell: Counts(0, 2, 0, 0)}, {cell: Counts(1, 1, 0, 0)})
    ['worker killed, late: lost was 0, is 1; started twice was 2, is 1']
    """
    lines = []
    for cell, counts in measured.items():
        values = zip(COUNTED, told[cell], counts, strict=True)
        differences = [f"{name} was {old}, is {new}" for name, old, new in values if old != new]
        if differences:
            lines.append(f"{cell}: {'; '.join(differences)}")
    return lines


def require_the_same(told: Measured, measured: Measured) -> None:
    """Raise LabError, naming each changed cell, unless nothing differs."""
    if lines := changes(told, measured):
        cells = several(len(lines), "cell")
        listed = "".join(f"\n  {line}" for line in lines)
        raise LabError(
            f"{cells} of {len(measured)} came out differently than {PAGE} says{listed}",
            f"./lab matrix; git diff {PAGE}",
        )
