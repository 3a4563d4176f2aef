"""What is measured now against what the page says."""

from labkit.errors import LabError
from labkit.matrix.cells import COUNTED, Measured
from labkit.matrix.page import PAGE


def changes(told: Measured, measured: Measured) -> list[str]:
    """A line for each cell whose counts differ, with the old and the new value of each count.

    >>> from labkit.matrix.cells import Cell, Counts
    >>> cell = Cell("worker killed", "late")
    >>> changes({cell: Counts(0, 2, 0, 0)}, {cell: Counts(1, 1, 0, 0)})
    ['worker killed, late: lost was 0, is 1; started twice was 2, is 1']
    """
    lines = []
    for cell, counts in measured.items():
        values = zip(COUNTED, told[cell].numbers(), counts.numbers(), strict=True)
        differences = [f"{name} was {old}, is {new}" for name, old, new in values if old != new]
        if differences:
            lines.append(f"{cell}: {'; '.join(differences)}")
    return lines


def require_the_same(told: Measured, measured: Measured) -> None:
    """Raise LabError, naming each changed cell, unless nothing differs."""
    if lines := changes(told, measured):
        cells = "1 cell" if len(lines) == 1 else f"{len(lines)} cells"
        listed = "".join(f"\n  {line}" for line in lines)
        raise LabError(
            f"{cells} of {len(measured)} came out differently than {PAGE} says{listed}",
            f"./lab matrix; git diff {PAGE}",
        )
