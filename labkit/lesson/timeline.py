"""A timeline for the terminal: who was busy when, in blocks of characters."""

from collections.abc import Sequence


def timeline_row(spans_s: Sequence[tuple[float, float]], column_s: float) -> str:
    """Draw spans (start, end), in seconds, as blocks; one character stands for column_s seconds.

    The last half character of a block stays empty, so that neighbours can be told apart.  Spans
    come in order and do not overlap; each gets one character at least.

    >>> timeline_row([(0, 0.3), (0.31, 0.61), (0.9, 1.2)], column_s=0.1)
    '██▌██▌   ██▌'
    >>> timeline_row([], column_s=0.1)
    ''
    """
    row = ""
    for start_s, end_s in spans_s:
        width = max(1, round((end_s - start_s) / column_s))
        row = row.ljust(round(start_s / column_s)) + "█" * (width - 1) + "▌"
    return row


def axis(seconds: float, column_s: float) -> str:
    """A line of whole seconds to stand below such rows.

    >>> axis(2.1, column_s=0.1)
    '0 s       1         2'
    """
    line = "0 s"
    for second in range(1, int(seconds) + 1):
        line = line.ljust(round(second / column_s)) + str(second)
    return line
