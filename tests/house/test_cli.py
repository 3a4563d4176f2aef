"""The lab command says what it can do, and what is wrong, in the form of the house."""

import errno
import re
from pathlib import Path

import pytest

from labkit.cli import lab, main
from labkit.cli_group import SECTIONS

ROOT = Path(__file__).parents[2]
ERROR = re.compile(r"error: [a-z./].*[^.]\n\nhint: .+\n")


def command(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, output and errors."""
    try:
        main(list(arguments))
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_help_lists_every_verb_in_a_section(capsys):
    code, out, _ = command("--help", capsys=capsys)
    assert code == 0
    assert sorted(lab.commands) == sorted(verb for verbs in SECTIONS.values() for verb in verbs)
    for verb in lab.commands:
        assert re.search(rf"^  {verb}( \(\w+\))? +[A-Z]", out, re.MULTILINE), verb


def test_down_is_found_under_stop_too(capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("labkit.stack.verbs.down", lambda: asked.append("down"))
    assert command("stop", capsys=capsys) == (0, "", "")
    assert asked == ["down"]
    assert "\n  down (stop)  Stop the running stack" in command("--help", capsys=capsys)[1]
    assert command("stopp", capsys=capsys)[0] == 2


@pytest.mark.parametrize("verb", sorted(lab.commands))
def test_every_verb_explains_itself(verb, capsys):
    code, out, _ = command(verb, "--help", capsys=capsys)
    assert code == 0
    assert out.startswith(f"Usage: ./lab {verb}")


def test_help_fits_a_terminal(capsys):
    _, out, _ = command("--help", capsys=capsys)
    assert max(map(len, out.splitlines())) <= 80


def test_no_verb_at_all_says_what_to_do_first(capsys):
    code, out, _ = command(capsys=capsys)
    assert code == 0
    assert "./lab run 01" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", "x"],
        ["run", "-1"],
        ["run", "01", "02"],
        ["run", "01", "--nonsense"],
        ["tour", "morning"],
        ["up", "--workers", "-1"],
        ["up", "--workers", "x"],
        ["record", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_sentence_with_a_hint_and_exit_code_2(arguments, capsys, monkeypatch):
    monkeypatch.setattr("labkit.stack.up.up", lambda **_: pytest.fail("this starts the stack"))
    code, out, err = command(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert ERROR.fullmatch(err), err


@pytest.mark.parametrize("number", ["99", "1000"])
def test_a_number_out_of_range_is_one_sentence_with_a_hint_and_exit_code_1(number, capsys):
    code, out, err = command("run", number, capsys=capsys)
    assert (code, out) == (1, "")
    assert err == f"error: there is no lesson {number}\n\nhint: ./lab lessons\n"


def test_the_list_of_lessons_names_every_script(capsys):
    code, out, _ = command("lessons", capsys=capsys)
    assert code == 0
    for script in (ROOT / "examples").glob("*/[0-9][0-9]_*.py"):
        assert f"\n  {script.name[:2]}  " in out


def test_the_tours_are_listed_with_their_lessons(capsys):
    code, out, _ = command("tour", capsys=capsys)
    assert code == 0
    assert "\nevening    01 03 04 05 09 11 13 16 20 30 57\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_full_disk_is_one_sentence(capsys, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("labkit.course.index.index", full)
    assert command("lessons", capsys=capsys) == (1, "", "error: the disk is full\n\nhint: df -h\n")
