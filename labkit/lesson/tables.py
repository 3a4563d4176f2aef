"""Tables in a lesson's output."""

from collections.abc import Iterable, Sequence

from labkit.lesson.run import claim

GAP = "  "  # between two columns


def table(*headings: str, rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their headings, each column as wide as it needs to be.

    Without headings it prints the rows alone.  A row may be shorter than others.

    >>> table("setting", "runs", "state", rows=[("none", 1, "FAILURE"), ("reject", 6)])
    setting  runs  state
    none     1     FAILURE
    reject   6
    """
    lines = [list(headings)] * bool(headings) + [[str(cell) for cell in row] for row in rows]
    widths = [0] * max(map(len, lines), default=0)
    for line in lines:
        for column, cell in enumerate(line):
            widths[column] = max(widths[column], len(cell))
    for line in lines:
        print(GAP.join(map(str.ljust, line, widths)).rstrip())


def claim_where(there: bool, holds: bool, sentence: str) -> None:
    """A claim about a side that may be missing: then the line says that it was left out."""
    if there:
        claim(holds, sentence)
    else:
        print(f"left out: {sentence}")
