"""A bar chart for the terminal, in blocks of characters."""

from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"  # nothing, an eighth, ... a whole character
BAR_WIDTH = 2  # characters


def bar_chart(values: Sequence[float], row_height: float, rows: int) -> list[str]:
    """Draw a bar for each value, 0 or more; the upper line comes first.

    row_height: the amount that one line stands for.  A bar that does not fit ends at the top.

    >>> bar_chart([10, 25, 40, 90], row_height=20, rows=2)
    ['  ▂▂████', '▄▄██████']
    """
    lines = []
    for row in reversed(range(rows)):
        eighths = (round((value / row_height - row) * 8) for value in values)
        lines.append("".join(BLOCKS[min(8, max(0, one))] * BAR_WIDTH for one in eighths))
    return lines
