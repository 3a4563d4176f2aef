"""The lab command says what it can do, and what is wrong, in the form of the house."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.cli import SECTIONS, lab, main

ROOT = Path(__file__).parents[1]
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


def run_code(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own, in the lab's folder."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


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


def test_a_character_that_the_terminal_lacks_is_no_traceback(tmp_path):
    code = "from labkit.cli import main; import labkit.course.index as index\n"
    code += "index.first_steps = lambda: 'wait \u2026'; main([])"
    done = run_code(code, PYTHONIOENCODING="latin-1", LAB_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "wait ?\n", "")


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
    assert "\nevening    01 03 04 05 09 11 13 16 18 25 41\n" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_command_starts_without_celery():
    code = "import sys, labkit.cli; labkit.cli.main([]); sys.exit('celery' in sys.modules)"
    assert run_code(code).returncode == 0


def test_a_full_disk_is_one_sentence(capsys, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("labkit.course.index.print_index", full)
    assert command("lessons", capsys=capsys) == (1, "", "error: the disk is full\n\nhint: df -h\n")


@pytest.mark.parametrize("verb", ["lessons", "--help"])
def test_a_reader_that_goes_away_is_no_error(verb):
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", verb],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_ctrl_c_while_the_command_is_imported_is_no_traceback():
    code = (
        "import os, runpy, signal, sys\n"
        "class PressCtrlC:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'labkit.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, PressCtrlC())\n"
        "runpy.run_module('labkit', run_name='__main__')"
    )
    done = run_code(code)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_a_second_ctrl_c_while_the_command_ends_changes_nothing():
    code = (
        "import atexit, os, signal, sys, labkit.cli\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['lab', 'no-such-verb']\n"
        "labkit.cli.program()"
    )
    done = run_code(code)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
