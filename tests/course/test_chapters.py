"""The chapters say what the lessons say."""

import re
from pathlib import Path

import pytest

from labkit.course.chapters import cog_pages, pages, run_file
from labkit.course.lessons import lesson_of_script, scripts
from labkit.course.promise import describe
from labkit.errors import LabError
from labkit.long_lines import COLUMNS, cut
from tests.helpers.small_lab import write

ROOT = Path(__file__).parents[2]
RUNS = sorted((ROOT / "examples/runs").glob("*.txt"))
MAX_WIDTH = 80  # of a table or a picture, in characters: a terminal's
NO_TABLE = ("$ ", "true: ")  # the beginnings of a command and of a claim
BARS = re.compile("[▁▂▃▄▅▆▇█▌]")

MARKERS = (
    "<!-- [[[cog from labkit.course.lesson_list import *; "
    "cog.out(lesson_list(1, 1, Path({root!r}))) ]]] -->\n<!-- [[[end]]] -->\n"
)


def test_cog_fills_in_a_chapter_and_notices_when_the_lesson_changes(small_lab):
    small_lab.lesson()
    page = write(
        small_lab.root / "examples/basic/README.md", MARKERS.format(root=str(small_lab.root))
    )
    assert cog_pages("--check", root=small_lab.root) != 0
    assert cog_pages("-r", root=small_lab.root) == 0
    assert "\n- [01 Sums: add two numbers](01_sums.py), 1 s\n" in page.read_text()
    assert cog_pages("--check", root=small_lab.root) == 0
    small_lab.edit("examples/basic/01_sums.py", "Sums: add", "Sums: subtract")
    assert cog_pages("--check", root=small_lab.root) != 0


def test_a_page_without_markers_is_left_alone(small_lab):
    write(small_lab.root / "README.md", "# mine\n")
    assert pages(small_lab.root) == []


def test_a_page_that_is_not_utf_8_is_told_with_its_line(small_lab):
    page = write(small_lab.root / "examples/basic/README.md", "# mine\n")
    page.write_bytes(page.read_bytes() + "\u00e9".encode("latin-1"))
    with pytest.raises(LabError, match=r"examples/basic/README\.md line 2 is not UTF-8") as caught:
        cog_pages("--check", root=small_lab.root)
    shown = "examples/basic/README.md"
    assert caught.value.hint == f"sed -n 2p {shown}; git diff {shown}"


def test_the_pages_of_this_lab_are_up_to_date(capfd):
    outdated = cog_pages("--check", "--diff")
    assert not outdated, f"run ./lab record NN, or cog -r:\n{capfd.readouterr().out}"


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_a_recorded_run_is_what_its_lesson_promises(path):
    lesson = lesson_of_script(scripts()[path.stem])
    assert run_file(lesson) == path
    first, _, output = path.read_text(encoding="utf-8").partition("\n")
    assert first == f"$ ./lab run {path.stem}"
    assert describe(beginnings_of_commands(lesson.text.promise), output) == ""


def beginnings_of_commands(promise: str) -> str:
    """The promise with its commands up to their first `...`: in a recorded run the rest is cut."""
    lines = [cut(line, COLUMNS) if line.startswith("$ ") else line for line in promise.splitlines()]
    return re.sub(r"^(\$ .*?\.\.\.).*", r"\1", "\n".join(lines), flags=re.MULTILINE)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_no_table_and_no_picture_of_a_run_is_wider_than_a_terminal(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if is_table_row(line) and len(line) > MAX_WIDTH] == []


def is_table_row(line: str) -> bool:
    """True for a part of a picture, and for three columns or more, with two spaces between them.

    A sentence wraps and stays a sentence.  So does an error that ends a row, behind FAILURE: it
    is as long as what it quotes.
    """
    columns = line.split("  FAILURE  ", maxsplit=1)[0].strip()
    several = len(re.split(" {2,}", columns)) >= 3
    return not line.startswith(NO_TABLE) and bool(several or BARS.search(line))
