"""Compare what a lesson promised with what it printed, line by line.

`...` in a promised line stands for anything within that line, and never for a line end.
Spaces at the end of a line count on neither side: a docstring cannot hold them.
"""

import re
from dataclasses import dataclass

ELLIPSIS = "..."
MAX_LINES = 400  # so many printed lines are compared; every pair of lines costs a moment
# A changed line costs a little less than a missing and an extra one, so that lines which still
# match pair up where they can.
CHANGED, ALONE = 3, 2
MAX_SHOWN = 8  # so many differences fill a screen


def line_matches(promised: str, printed: str) -> bool:
    """True if the printed line is one that the promised line allows.

    >>> line_matches("sent in ... ms", "sent in 12 ms")
    True
    >>> line_matches("sent in ... ms", "sent in 12 s")
    False
    """
    parts = map(re.escape, promised.split(ELLIPSIS))
    return re.fullmatch(".*".join(parts), printed) is not None


def _lines(text: str) -> list[str]:
    """The lines without spaces at their ends, and without blank lines around them all."""
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def keeps_promise(promised: str, printed: str) -> bool:
    r"""True if the printed text is what the promised text allows.

    >>> keeps_promise("took ... s\ntrue: it waited\n", "took 3.1 s\ntrue: it waited\n")
    True
    >>> keeps_promise("all:\n...\n", "all:\none\ntwo\n")
    False
    """
    expected, got = _lines(promised), _lines(printed)
    return len(expected) == len(got) and all(map(line_matches, expected, got))


@dataclass(frozen=True)
class Difference:
    """One place where the two texts differ.

    line: its number in the printed text (for a missing line: in the promised text), from 1.
    promised, printed: the lines; None on the side that has none.
    """

    line: int
    promised: str | None
    printed: str | None

    def __str__(self) -> str:
        if self.printed is None:
            return (
                f"line {self.line} of what was promised did not come\n  promised: {self.promised}"
            )
        if self.promised is None:
            return f"line {self.line} was not promised\n  got:      {self.printed}"
        return f"line {self.line} differs\n  promised: {self.promised}\n  got:      {self.printed}"


def differences(promised: str, printed: str) -> list[Difference]:
    r"""The smallest set of differing, missing and extra lines; [] where the promise is kept.

    >>> for difference in differences("sum: 9\ndone\nbye\n", "sum: -1\nnoise\ndone\n"):
    ...     print(difference)
    line 1 differs
      promised: sum: 9
      got:      sum: -1
    line 2 was not promised
      got:      noise
    line 3 of what was promised did not come
      promised: bye
    """
    expected, got = _lines(promised), _lines(printed)[:MAX_LINES]
    cost = _costs(expected, got)
    found = []
    i = j = 0
    while i < len(expected) or j < len(got):
        both = i < len(expected) and j < len(got)
        if both and line_matches(expected[i], got[j]) and cost[i][j] == cost[i + 1][j + 1]:
            i, j = i + 1, j + 1
        elif both and cost[i][j] == cost[i + 1][j + 1] + CHANGED:
            found.append(Difference(j + 1, expected[i], got[j]))
            i, j = i + 1, j + 1
        elif i < len(expected) and cost[i][j] == cost[i + 1][j] + ALONE:
            found.append(Difference(i + 1, expected[i], None))
            i += 1
        else:
            found.append(Difference(j + 1, None, got[j]))
            j += 1
    return found


def _costs(expected: list[str], got: list[str]) -> list[list[int]]:
    """cost[i][j]: what the differences between expected[i:] and got[j:] cost at least."""
    rows, columns = len(expected), len(got)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            if i == rows or j == columns:
                cost[i][j] = ALONE * (rows - i + columns - j)
            elif line_matches(expected[i], got[j]):
                cost[i][j] = cost[i + 1][j + 1]
            else:
                alone = ALONE + min(cost[i + 1][j], cost[i][j + 1])
                cost[i][j] = min(CHANGED + cost[i + 1][j + 1], alone)
    return cost


def describe(promised: str, printed: str, *, broken_off: bool = False) -> str:
    """The differences for a person to read, the first MAX_SHOWN in full; "" where there is none.

    broken_off: the lesson ended early, so lines that did not come are no difference.
    """
    if keeps_promise(promised, printed):
        return ""
    found = differences(promised, printed)
    if broken_off:
        found = [difference for difference in found if difference.printed is not None]
    unread = max(0, len(_lines(printed)) - MAX_LINES)
    shown = [str(difference) for difference in found[:MAX_SHOWN]]
    more = len(found) - len(shown) + unread
    if more:
        shown.append(f"and {more} more {'line' if more == 1 else 'lines'} like these")
    return "\n".join(shown)
