"""A bar chart for the terminal, in blocks of characters."""

from collections.abc import Mapping, Sequence

from labkit.lesson.tables import GAP

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


def show_bars(charts: Mapping[str, Sequence[float]], row_height: float, rows: int) -> None:
    """Print bar charts side by side, each below its name; a line begins with the amount at its top.

    >>> show_bars({"none": [10, 25], "tasks": [40, 15]}, row_height=20, rows=2)
       none  tasks
    40   ▂▂  ██
    20 ▄▄██  ██▆▆
    """
    widths = [max(len(name), BAR_WIDTH * len(values)) for name, values in charts.items()]
    drawn = [bar_chart(values, row_height, rows) for values in charts.values()]
    amounts = [f"{row_height * (rows - line):g}" for line in range(rows)]
    margin = max(map(len, amounts))
    for amount, cells in zip(
        ["", *amounts], [list(charts), *zip(*drawn, strict=True)], strict=True
    ):
        line = GAP.join(map(str.ljust, cells, widths))
        print(f"{amount:>{margin}} {line}".rstrip())
