"""Rows of a table in a lesson's output."""

from collections.abc import Iterable

from labkit.lesson.run import claim

LABEL_WIDTH = 38
COLUMN_WIDTH = 16


def show_row(label: str, answers: Iterable[object]) -> None:
    """One row of a table: the answers of Redis and RabbitMQ, "left out" where there is none."""
    cells = [str(answer) for answer in answers]
    cells += ["left out"] * (2 - len(cells))
    print((label.ljust(LABEL_WIDTH) + "".join(cell.ljust(COLUMN_WIDTH) for cell in cells)).rstrip())


def claim_where(there: bool, holds: bool, sentence: str) -> None:
    """A claim about a side that may be missing: then the line says that it was left out."""
    if there:
        claim(holds, sentence)
    else:
        print(f"left out: {sentence}")
