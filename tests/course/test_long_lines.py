"""A long line is cut where a person sees it, and whole for the promise."""

import pytest

from labkit.long_lines import (
    LONG_LINES,
    MARK,
    MARKED,
    WHOLE,
    LongLineCutter,
    cut_marked,
    show_command,
    show_line,
)


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 12 columns."""
    monkeypatch.setenv("COLUMNS", "12")
    monkeypatch.delenv(LONG_LINES, raising=False)
    return monkeypatch


def test_a_lesson_on_its_own_cuts_a_long_line_to_the_terminal(narrow, capsys):
    show_line("one two three four")
    assert capsys.readouterr().out == "one two t...\n"


def test_a_line_that_fits_is_not_cut(narrow, capsys):
    show_line("one two thre")
    assert capsys.readouterr().out == "one two thre\n"


def test_where_there_is_no_terminal_100_columns_are_shown(narrow, capsys):
    narrow.delenv("COLUMNS")
    show_line("x" * 101)
    assert capsys.readouterr().out == "x" * 97 + "...\n"


def test_a_lesson_that_is_asked_for_whole_lines_prints_them_whole(narrow, capsys):
    narrow.setenv(LONG_LINES, WHOLE)
    show_line("one two three four")
    assert capsys.readouterr().out == "one two three four\n"


def test_for_somebody_who_cuts_it_a_long_line_is_whole_and_marked(narrow, capsys):
    narrow.setenv(LONG_LINES, MARKED)
    show_line("one two three four")
    assert capsys.readouterr().out == f"{MARK}one two three four\n"


def test_a_command_is_shown_as_a_person_types_it(capsys, monkeypatch):
    monkeypatch.setenv(LONG_LINES, WHOLE)
    show_command(["celery", "--workdir=a b"])
    assert capsys.readouterr().out == "$ celery '--workdir=a b'\n"


def test_a_line_without_a_mark_is_never_cut():
    assert cut_marked(b"one two three four\n", 12) == b"one two three four\n"


def test_bytes_that_are_no_text_pass_where_no_line_is_marked():
    assert cut_marked(b"\xff\n", 12) == b"\xff\n"


def test_the_columns_of_a_chinese_character_are_two():
    assert cut_marked(f"{MARK}更长的线\n".encode(), 6).decode() == "更...\n"


def test_a_marked_line_that_comes_in_pieces_is_shown_at_its_end(narrow):
    cutter = LongLineCutter()
    pieces = [b"before\n" + MARK.encode() + b"one two", b" three four", b"\nafter"]
    assert [cutter.shown(piece) for piece in pieces] == [b"before\n", b"", b"one two t...\nafter"]


def test_a_marked_line_without_an_end_is_shown_when_the_output_ends(narrow):
    cutter = LongLineCutter()
    assert cutter.shown(MARK.encode() + b"one two three four") == b""
    assert cutter.rest() == b"one two t..."


def test_nothing_is_held_where_no_marked_line_is_unfinished(narrow):
    cutter = LongLineCutter()
    assert cutter.shown(b"how far: ") == b"how far: "
    assert cutter.rest() == b""


def test_whole_lines_lose_their_marks_alone(narrow):
    cutter = LongLineCutter(whole=True)
    assert cutter.shown(MARK.encode() + b"one two three four\n") == b"one two three four\n"
