"""Every hint that the code can print can be pasted into a shell."""

import itertools
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest

from lab_home import ROOT
from labkit.cli import lab
from labkit.errors import in_shell
from tests.helpers.hint_finder import Finder, Hint

FOLDERS = ("labkit", "web", "tasks", "work", "examples", "benchmarks")
SHELL_FILES = ("lab", "start_worker.sh", "start_beat.sh", "labkit/start.sh", "docker-compose.yml")
SHELLS = [shell for shell in ("bash", "dash", "zsh") if shutil.which(shell)]

# What a hint may begin a command with: programs of the lab, of Celery, and of a usual system.
OURS = {"./lab", "./start_worker.sh", "./start_beat.sh", "~/celery-learning-lab/lab"}
USUAL = """.venv/bin/celery brew celery cat cp curl date df docker export git grep id kill less ls
mkdir mv printenv ps python3 redis-cli rm sed sleep sudo tail uname unset uptime wsl xcode-select"""
KNOWN = OURS | set(USUAL.split())
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def python_files(root: Path) -> list[Path]:
    folders = [root / name for name in FOLDERS]
    files = [*root.glob("*.py"), *(file for one in folders for file in one.rglob("*.py"))]
    return sorted(files)


def shell_hints() -> list[Hint]:
    """What the shell scripts print as hints; each line that speaks of one must give one."""
    found = []
    for name in SHELL_FILES:
        text = (ROOT / name).read_text().replace("\\\n", " ")
        for line in text.splitlines():
            if line.lstrip().startswith("#") or not re.search(r"hint: |house_error ", line):
                continue
            if "printf" in line:  # house_error itself: its callers say what
                continue
            hint = re.search(r'echo "hint: (.*)"(?: >&2)?$|house_error ".*?" +"([^"]*)"', line)
            assert hint, f"{name}: {line}"
            found.append(Hint(hint[1] or hint[2], name))
    return found


@cache
def of_the_source() -> Finder:
    """What finds the hints of the lab's own code; it has looked when a test first asks."""
    finder = Finder(ROOT, python_files(ROOT))
    finder.find()
    return finder


def all_hints() -> list[Hint]:
    return [*of_the_source().hints.values(), *shell_hints()]


def commands(text: str) -> list[list[str]]:
    """The simple commands of a line, as words, without what is assigned before them."""
    words = shlex.shlex(text, posix=True, punctuation_chars=";&|<>()")
    words.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in words:
        if set(word) <= set(";&|<>()"):
            assert word in {";", "&&"}, text
            found.append([])
        else:
            found[-1].append(word)
    return [[*itertools.dropwhile(ASSIGNMENT.match, words)] for words in found]


def test_every_hint_in_the_source_can_be_followed():
    assert len(of_the_source().hints) > 300
    assert of_the_source().lost == set()


def test_a_hint_of_an_unknown_text_is_noticed(tmp_path):
    (tmp_path / "labkit").mkdir()
    file = tmp_path / "labkit" / "broken.py"
    file.write_text(
        "from labkit.errors import LabError\n"
        "def f(path, error):\n"
        "    print(f'error: it\\n\\nhint: tail {path.name}')\n"
        "    print(dict(hint=error.args[0]))\n"
    )
    finder = Finder(tmp_path, python_files(tmp_path))
    finder.find()
    assert len(finder.lost) == 2
    assert any("labkit/broken.py:3: {path.name}" in one for one in finder.lost)


def test_the_hints_of_every_kind_are_found():
    """One that is known, of each way in which a hint is made."""
    texts = {hint.text for hint in all_hints()}
    assert "./lab lessons" in texts  # LabError
    assert "wsl --install" in texts  # InstallError
    assert "kill -CONT 4711 4712" in texts  # Finding
    assert "unset CELERY_BROKER_URL" in texts or "unset REDIS_URL" in texts  # house_error
    assert "redis-cli plain bgsave" in {text.removeprefix("df -h; ") for text in texts}  # Refusal
    assert "curl -s http://127.0.0.1:8000/openapi.json" in texts  # the web app
    assert "sed -n 3p .env" in texts  # a warning
    assert "brew install python@3.13; ./lab" in texts  # the shell


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_read_every_hint_from_a_folder_with_a_space(shell, tmp_path):
    folder = tmp_path / "my lab"
    folder.mkdir()
    lines = sorted({hint.text for hint in all_hints()})
    read = subprocess.run(
        [shell, "-n"],
        input="\n".join(lines) + "\n",
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (read.returncode, read.stderr) == (0, "")


def is_known(words: list[str]) -> bool:
    """Whether this is a command that a hint may give.

    A program that is named by its path was quoted: it is the Python that runs us.
    """
    return bool(words) and (words[0] in KNOWN or words[1:2] in (["-m"], ["-c"]))


def test_a_hint_is_one_line_of_known_commands():
    for hint in all_hints():
        assert "\n" not in hint.text, hint
        assert "***" not in hint.text, hint
        assert all(map(is_known, commands(hint.text))), hint


def test_the_lab_knows_every_verb_and_option_of_a_hint():
    lines = {hint.text for hint in all_hints() if "./lab" in hint.text}
    assert len(lines) > 50
    for words in itertools.chain.from_iterable(map(commands, sorted(lines))):
        if words[:1] != ["./lab"] or len(words) == 1:
            continue
        with lab.make_context("./lab", words[1:], resilient_parsing=True) as context:
            name, verb, rest = lab.resolve_command(context, words[1:])
            if verb is None:
                assert words[1:] == ["--help"]
                continue
            try:
                verb.make_context(name, list(rest), parent=context).close()
            except click.exceptions.Exit:
                assert "--help" in rest


@pytest.mark.parametrize("path", ["a b.txt", "it's here", "plain"])
def test_a_path_in_a_hint_is_one_word_for_a_shell(tmp_path, path, monkeypatch):
    folder = tmp_path / "my lab"
    folder.mkdir()
    (folder / path).write_text("found")
    told = subprocess.run(
        ["sh", "-c", f"cat {in_shell(folder / path)}"], capture_output=True, text=True, check=False
    )
    assert told.stdout == "found"


def test_a_path_in_the_labs_folder_is_short_where_the_person_stands_there(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert in_shell(ROOT / ".lab" / "logs") == ".lab/logs"
    monkeypatch.chdir(tmp_path)
    assert in_shell(ROOT / ".lab" / "logs") == shlex.quote(str(ROOT / ".lab" / "logs"))
