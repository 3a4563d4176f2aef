"""A timeline shows each span as a block, in order, where it began."""

from hypothesis import given
from hypothesis import strategies as st

from labkit.lesson.timeline import Span, axis, show_timeline, timeline_row

COLUMN_S = 0.15
GAPS_AND_LENGTHS = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), max_size=40)


def spans(gaps_and_lengths):
    """Spans that follow each other, from the pauses before them and their lengths."""
    now, found = 0.0, []
    for gap_s, length_s in gaps_and_lengths:
        found.append((now + gap_s, now + gap_s + length_s))
        now = found[-1][1]
    return found


@given(GAPS_AND_LENGTHS)
def test_each_span_is_one_block(gaps_and_lengths):
    assert timeline_row(spans(gaps_and_lengths), COLUMN_S).count("▌") == len(gaps_and_lengths)


@given(GAPS_AND_LENGTHS)
def test_a_row_is_never_shorter_than_its_time(gaps_and_lengths):
    row = timeline_row(spans(gaps_and_lengths), COLUMN_S)
    if gaps_and_lengths:
        start_s, _ = spans(gaps_and_lengths)[-1]
        assert len(row) > round(start_s / COLUMN_S)


def test_a_job_of_two_characters_has_two_characters_wherever_it_begins():
    for tenths in range(30):
        assert timeline_row([(tenths / 10, tenths / 10 + 0.3)], COLUMN_S).strip() == "█▌"


def test_the_numbers_of_the_axis_stand_below_their_seconds():
    line = axis(9.4, COLUMN_S)
    assert line.split() == ["0", "s", *"123456789"]
    for second in range(1, 10):
        assert line.index(str(second)) == round(second / COLUMN_S)


def test_the_picture_ends_with_the_last_job(capsys):
    rows = {"a": [Span("1", 0, 0.5)], "bc": [Span("2", 0, 1), Span("3", 1, 2)]}
    assert show_timeline(rows, column_s=0.25) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["  a   █▌", "  bc  ███▌███▌", "      0 s 1   2"]
