"""A bar chart shows each value as a bar, and no bar as higher than its chart."""

from hypothesis import given
from hypothesis import strategies as st

from labkit.lesson.bars import BAR_WIDTH, BLOCKS, bar_chart

ROWS = 4
VALUES = st.lists(st.floats(0, 1000), max_size=30)


def height(lines, index):
    """The height of one bar, in lines."""
    return sum(BLOCKS.index(line[index * BAR_WIDTH]) / 8 for line in lines)


@given(VALUES)
def test_each_value_has_a_bar_in_each_line(values):
    lines = bar_chart(values, 50, ROWS)
    assert [len(line) for line in lines] == [len(values) * BAR_WIDTH] * ROWS


@given(VALUES)
def test_a_bar_is_as_high_as_its_value_or_ends_at_the_top(values):
    lines = bar_chart(values, 50, ROWS)
    for index, value in enumerate(values):
        assert abs(height(lines, index) - min(value / 50, ROWS)) <= 1 / 16 + 1e-9
