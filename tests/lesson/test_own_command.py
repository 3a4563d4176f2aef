"""What a lesson shows of a command that it runs."""

import sys

import pytest

from labkit.long_lines import COLUMNS
from labkit.own.command import Command

LONG = " ".join(["word"] * 30)


@pytest.fixture
def command():
    with Command(sys.executable, "-c", f"print('{LONG}\\nother')", typed="./lab say") as one:
        yield one


def test_a_command_is_shown_as_a_person_types_it(command, capsys):
    command.show()
    assert capsys.readouterr().out.splitlines()[0] == "$ ./lab say"


def test_a_line_that_is_too_long_is_cut_and_the_number_of_others_is_told(
    command, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    command.show("word")
    _, line, others = capsys.readouterr().out.splitlines()
    assert (len(line), line[-3:]) == (COLUMNS, "...")
    assert others == "    (1 more lines)"


def test_a_line_that_is_folded_loses_no_word(command, capsys):
    command.show("word", others=False, fold=True)
    _, *lines = capsys.readouterr().out.splitlines()
    assert " ".join(line.strip() for line in lines) == LONG
    assert max(map(len, lines)) <= COLUMNS
