"""A promise is compared with what was printed line by line, and `...` stays within its line."""

from hypothesis import given
from hypothesis import strategies as st

from labkit.course.promise import MAX_LINES, describe, differences, keeps_promise, line_matches

LINES = st.text(alphabet="ab. ", max_size=12)
TEXTS = st.lists(LINES, max_size=8).map("\n".join)
WORD = st.text("ab ", max_size=5)  # no dots: four of them in a row could be read in two ways
WORDS = st.lists(st.text("abcdef", min_size=1), unique=True, min_size=1, max_size=12)


@given(TEXTS)
def test_every_text_keeps_itself_as_a_promise(text):
    assert keeps_promise(text, text)


@given(before=WORD, between=WORD, after=WORD)
def test_any_part_of_a_line_may_be_left_open(before, between, after):
    assert line_matches(f"{before}...{after}", f"{before}{between}{after}")


@given(promised=TEXTS, printed=TEXTS)
def test_there_are_differences_exactly_where_the_promise_is_not_kept(promised, printed):
    assert bool(differences(promised, printed)) != keeps_promise(promised, printed)


@given(words=WORDS, index=st.integers(0, 11))
def test_one_line_that_was_left_out_is_the_only_difference(words, index):
    index %= len(words)
    printed = words[:index] + words[index + 1 :]
    [difference] = differences("\n".join(words), "\n".join(printed))
    assert (difference.promised, difference.printed) == (words[index], None)


@given(words=WORDS, index=st.integers(0, 12))
def test_one_line_too_many_is_the_only_difference(words, index):
    printed = [*words[:index], "new line", *words[index:]]
    [difference] = differences("\n".join(words), "\n".join(printed))
    assert (difference.promised, difference.printed) == (None, "new line")


def test_the_ellipsis_does_not_cross_a_line_end():
    assert not keeps_promise("start ... end", "start\nend")
    assert not keeps_promise("...", "one\ntwo")


def test_a_line_of_dots_alone_stands_for_exactly_one_line():
    assert keeps_promise("one\n...\nthree", "one\ntwo\nthree")
    assert not keeps_promise("one\n...\nthree", "one\nthree")


def test_spaces_at_line_ends_do_not_count_and_spaces_within_do():
    assert keeps_promise("a\nb", "a  \nb\n")
    assert not keeps_promise("a b", "a  b")


def test_the_difference_names_line_promise_and_what_came():
    text = describe("id ...\nsum: 9\ndone", "id 17\nsum: -1\ndone")
    assert text == "line 2 differs\n  promised: sum: 9\n  got:      sum: -1"


def test_nothing_printed_at_all_names_every_line_as_missing():
    assert describe("a\nb", "").count("did not come") == 2


def test_a_flood_of_lines_is_cut_and_counted():
    text = describe("one", "one\n" + "more\n" * (MAX_LINES + 100))
    assert text.count("was not promised") == 8
    assert text.endswith(f"and {MAX_LINES + 92} more lines like these")
