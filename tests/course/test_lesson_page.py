"""The page of a lesson: what it takes from the script, and what every page must have."""

import re
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.course.chapters import COG_MARK, cog_pages
from labkit.course.lesson_files import imports
from labkit.course.lesson_list import lesson_list, lessons_of_chapter
from labkit.course.lesson_page import OWN_BROKER, OWN_WORKERS, SHARED, LessonPage, page_of
from labkit.course.lessons import LEVELS, lesson_of_script, scripts
from labkit.course.markdown import headings
from labkit.errors import LabError, in_shell
from tests.helpers.small_lab import SmallLab, write

MAX_LINES = 150  # of a page, as it is seen before anything is unfolded
PARTS = ["In your own code", "Run it", "Try next", "How this is staged"]
PAGES = sorted(ROOT.glob("examples/*/[0-9][0-9]_*.md"))
DETAILS = re.compile(r"<details>(?:(?!<details>).)*?</details>", re.DOTALL)
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

MARKS = """\
<!-- [[[cog from labkit.course.lesson_page import *; root = Path({root!r}) ]]] -->
<!-- [[[end]]] -->
<!-- [[[cog page = page_of(cog.inFile, root); cog.out({call}) ]]] -->
<!-- [[[end]]] -->
"""


def unfolded(text: str) -> list[str]:
    """The lines that are seen before anything is unfolded; what is folded is one of them."""
    text = re.sub(r"^<!-- \[\[\[.*\n", "", text, flags=re.MULTILINE)
    while (folded := DETAILS.sub("(folded)", text)) != text:
        text = folded
    return text.splitlines()


# -- The pages of this lab ------------------------------------------------------------------------


@every_page
def test_a_page_lies_beside_its_lesson_and_has_all_its_parts_in_order(page):
    lesson = lesson_of_script(page.with_suffix(".py"))
    found = headings(page.read_text(encoding="utf-8"))
    assert found[0] == (1, f"{lesson.number} {lesson.text.title}")
    assert [text for level, text in found if level == 2 and text in PARTS] == PARTS
    assert found[-1] == (2, PARTS[-1])


@every_page
def test_a_page_is_short_before_anything_is_unfolded(page):
    assert len(unfolded(page.read_text(encoding="utf-8"))) <= MAX_LINES


@every_page
def test_a_page_shows_lines_to_copy_that_are_taken_from_the_files_that_run(page):
    part = page.read_text(encoding="utf-8").partition("\n## In your own code\n")[2]
    part = part.partition("\n## ")[0]
    blocks = len(re.findall(r"^```(?!text)\w+$", part, re.MULTILINE))
    assert part.count("page.own_code(") >= 1
    assert blocks == part.count("page.own_code("), "cog has not filled it in, or it was typed"


@pytest.mark.parametrize("number", [number for number in scripts() if number.isdecimal()])
def test_a_lesson_with_a_broker_of_its_own_says_that_flower_does_not_show_it(number):
    lesson = lesson_of_script(scripts()[number])
    own = "own_broker" in {name for _, name, _ in imports(lesson.tree)}
    assert not own or OWN_BROKER in LessonPage(lesson).head()


@every_page
def test_a_recorded_run_and_the_staging_are_folded(page):
    seen = "\n".join(unfolded(page.read_text(encoding="utf-8")))
    assert f"$ ./lab run {page.name[:2]}" not in seen
    assert "def main()" not in seen


@pytest.mark.parametrize("level", LEVELS)
def test_every_lesson_of_a_level_is_in_one_chapter(level):
    chapters = sorted(ROOT.glob(f"examples/{level}/[0-9]-*.md"))
    found = [number for page in chapters for number in lessons_of_chapter(page)]
    here = [number for number, path in scripts().items() if path.parent.name == level]
    readme = ROOT / f"examples/{level}/README.md"
    found = found or lessons_of_chapter(readme)
    assert found == [number for number in here if number.isdecimal()]


# -- What a page takes ----------------------------------------------------------------------------


@pytest.fixture
def lab(small_lab: SmallLab) -> SmallLab:
    """A small lab with three lessons; the one in the middle has a page."""
    small_lab.edit("tasks/basic_tasks.py", "def add", "# region sum\n@decorated\ndef add")
    small_lab.edit(
        "tasks/basic_tasks.py", "return _sum(x, y)\n", "return _sum(x, y)\n# endregion\n"
    )
    small_lab.lesson(title="First: one")
    small_lab.lesson(number="02", title="Second: two")
    small_lab.lesson(number="03", title="Third: three", level="advanced")
    write(small_lab.root / "examples/basic/README.md", "# Basic\n\n## 01 First: one\n")
    write(small_lab.root / "examples/runs/02.txt", "$ ./lab run 02\nthe sum is 9\n")
    write(small_lab.root / "examples/basic/02_sums.md", "")
    return small_lab


def part(lab: SmallLab, call: str) -> str:
    """What cog writes for one call into the page of lesson 02."""
    text = MARKS.format(root=str(lab.root), call=call)
    page = write(lab.root / "examples/basic/02_sums.md", text)
    assert cog_pages("-r", root=lab.root) == 0
    return page.read_text().rpartition(") ]]] -->\n")[2].removesuffix("<!-- [[[end]]] -->\n")


def test_the_head_has_title_time_place_and_the_lessons_around_it(lab):
    assert part(lab, "page.head()") == (
        f"# 02 Second: two\n\n*About 1 s. {SHARED} Before: [01 First](01_sums.py). "
        "Next: [03 Third](../advanced/03_sums.py).*\n"
    )


def test_the_head_tells_what_flower_shows(lab):
    file = "examples/basic/02_sums.py"
    lab.edit(file, '["basic"]', "[]")
    assert OWN_WORKERS in part(lab, "page.head()")
    lab.edit(file, "shows the task.", "Flower knows only\nthe shared broker.")
    assert OWN_BROKER in part(lab, "page.head()")
    assert "*About 1 s. In this process. Before" in part(lab, "page.head(where='In this process.')")


def test_the_foot_leads_to_a_page_where_there_is_one(lab):
    write(lab.root / "examples/basic/01_sums.md", "# 01 First: one\n")
    assert part(lab, "page.foot()") == (
        "Before: [01 First](01_sums.md) · Next: [03 Third](../advanced/03_sums.py)\n"
    )


def test_a_page_shows_command_run_and_lines_to_copy(lab):
    assert part(lab, "page.run_it()").startswith(
        "```sh\n./lab run 02        # about 1 s\n```\n\n**W"
    )
    assert part(lab, "page.recorded_run()") == "```text\n$ ./lab run 02\nthe sum is 9\n```\n"
    shown = part(lab, "page.own_code('tasks/basic_tasks.py', region='sum')")
    assert "\n```python\n@decorated\ndef add(x, y):\n    return _sum(x, y)\n```\n" in shown


def test_the_tries_name_their_constants_with_value_and_reason(lab):
    assert part(lab, "page.try_next()").startswith("Guess first:\n\n1. Change the sum.")
    file = "examples/basic/02_sums.py"
    lab.edit(file, "1. Change the sum.", "1. Set JOB_S to 9, and EAGLE to 8, until SUCCESS.")
    shown = "JOB_S = 2  # seconds, for a reason\nWREN, EAGLE = 1, 2\n"
    lab.edit(file, "\n\ndef main", f"\nJOBS = 3\n{shown}\n\ndef main")
    assert part(lab, "page.try_next()").endswith(
        f"In [02_sums.py](02_sums.py):\n\n```python\n{shown}```\n"
    )


def test_the_staging_is_the_script_after_its_imports_and_of_a_long_one_main(lab):
    marked = "\n# region jobs\nJOBS = 3\n# endregion\n\n\ndef main"
    lab.edit("examples/basic/02_sums.py", "\n\ndef main", marked)
    shown = part(lab, "page.staged()")
    assert shown.startswith("You may skip this")
    assert "\n```python\nJOBS = 3\n\n\ndef main()" in shown
    assert ">tasks/basic_tasks.py</a></summary>\n\n```python\n@decorated\ndef add(x, y):" in shown
    lab.edit("examples/basic/02_sums.py", "JOBS = 3\n", "JOBS = 3\n" * 80)
    shown = part(lab, "page.staged()")
    assert "<summary>main(): " in shown
    assert "JOBS" not in shown


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("page.own_code('tasks/basic_tasks.py', region='gone')", "has no region 'gone'"),
        ("page.own_code('tasks/basic_tasks.py', 'gone')", "has no 'gone'"),
        ("page.own_code('tasks/gone.py', 'add')", "cannot be read: No such file or directory"),
        ("page.gone()", "AttributeError: 'LessonPage' object has no attribute 'gone'"),
    ],
)
def test_what_a_page_cannot_show_is_told_in_a_sentence_that_names_the_page(lab, call, said):
    with pytest.raises(LabError) as caught:
        part(lab, call)
    assert caught.value.sentence.startswith("examples/basic/02_sums.md cannot be filled in: ")
    assert caught.value.sentence.endswith(said)
    assert "\n" not in caught.value.sentence


def test_a_page_beside_no_lesson_is_refused(lab):
    with pytest.raises(LabError, match=r"examples/basic/05_x\.md lies beside no lesson") as told:
        page_of(str(lab.root / "examples/basic/05_x.md"), lab.root)
    folder = in_shell(lab.root / "examples/basic")
    assert told.value.hint == f"ls {folder}/*.py"


# -- The list in a chapter ------------------------------------------------------------------------


def test_a_chapter_lists_lessons_with_a_page_and_without(lab):
    assert lesson_list(1, 2, lab.root) == (
        "- [01 First: one](01_sums.py), 1 s\n- [02 Second: two](02_sums.md), 1 s\n"
    )
    assert lesson_list(2, 2, lab.root) == "- [02 Second: two](02_sums.md), 1 s\n"


def test_a_chapter_has_the_lessons_that_it_lists(lab, tmp_path: Path):
    chapter = write(tmp_path / "chapter.md", f"{COG_MARK} cog.out(lesson_list(1, 2)) ]]] (3)")
    assert lessons_of_chapter(chapter, lab.root) == ["01", "02"]
