"""README.md and its translations: one set of commands, and nothing that does not exist."""

import re
from pathlib import Path

import pytest

from labkit.cli import lab
from labkit.course.lessons import lesson_of_number, scripts
from labkit.course.promise import describe
from labkit.course.readme_index import lesson_index, read_titles
from labkit.course.tours import stops
from tests.course.test_docs import CHINESE, CYRILLIC
from tests.helpers.small_lab import SmallLab, write

ROOT = Path(__file__).parents[2]
FILES = {"en": "README.md", "ru": "README.ru.md", "zh": "README.zh-CN.md"}
TEXTS = {language: (ROOT / name).read_text(encoding="utf-8") for language, name in FILES.items()}
LETTERS = {"ru": CYRILLIC, "zh": CHINESE}
CHAPTERS = sorted((ROOT / "examples").glob("*/[0-9]-*.md"))
PAGE = pytest.mark.parametrize("language", FILES)
TRANSLATION = pytest.mark.parametrize("language", ["ru", "zh"])


def blocks(language: str, kind: str) -> list[str]:
    """The contents of the ``` blocks of one kind, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXTS[language], re.MULTILINE | re.DOTALL)


def commands(language: str) -> list[str]:
    """Every command line, without the comment behind it: first the blocks, then inside the text."""
    lines = "".join(blocks(language, "sh")).splitlines()
    prose = re.sub(r"^```.*?^```", "", TEXTS[language], flags=re.MULTILINE | re.DOTALL)
    inline = sorted(set(re.findall(r"`(\./lab [^`]+|uv [^`]+|pip [^`]+)`", prose)))
    return [line.partition("  #")[0].rstrip() for line in lines] + inline


LAB_COMMANDS = [command for command in commands("en") if "./lab " in command]


@PAGE
def test_the_first_lines_lead_to_the_other_languages(language):
    links = re.findall(r"\((\S+)\)", TEXTS[language].splitlines()[2])
    assert links == [name for other, name in FILES.items() if other != language]


@PAGE
def test_the_first_screen_is_short(language):
    first_screen = TEXTS[language].partition("\n## ")[0]
    assert len(first_screen.splitlines()) <= 45


@TRANSLATION
def test_a_translation_has_the_commands_and_the_output_of_the_english_page(language):
    assert len(commands("en")) > 20
    assert commands(language) == commands("en")
    assert blocks(language, "text") == blocks("en", "text")


@pytest.mark.parametrize("command", LAB_COMMANDS)
def test_every_command_of_the_lab_exists_with_its_options(command):
    verb, *arguments = command.partition("./lab ")[2].split()
    context = lab.commands[verb].make_context(verb, arguments)  # reads them, and runs nothing
    if verb == "tour":
        stops(context.params["name"])
    if verb == "run":
        lesson_of_number(context.params["number"])


def test_the_run_on_the_first_screen_is_what_lesson_01_promises():
    lesson = lesson_of_number("01")
    first, *lines = blocks("en", "text")[0].splitlines()
    header = lesson.header().splitlines()
    assert first == "$ ./lab run 01"
    assert without_places(lines[: len(header)]) == without_places(header)
    *printed, look, verdict = lines[len(header) :]
    assert describe(lesson.text.promise, "".join(f"{line}\n" for line in printed)) == ""
    assert look.startswith("look: http://localhost:5555/task/")
    assert verdict == "as promised"


def without_places(lines: list[str]) -> list[str]:
    """The lines without the numbers of lines in a file, which every change of it moves."""
    return [re.sub(r"\.md:\d+$", ".md", line) for line in lines]


@TRANSLATION
def test_every_lesson_has_a_title_in_each_language(language):
    titles, missing = read_titles(), []
    for number in scripts():
        if number.isdigit():
            english = lesson_of_number(number).text.title
            entry = titles.get(number, {})
            if entry.get("en") != english or not LETTERS[language].search(entry.get(language, "")):
                missing.append(f"{number} {english}")
    assert not missing, f"to be translated in examples/titles.toml ({language}): {missing}"


@TRANSLATION
def test_every_heading_of_the_index_is_translated(language):
    headings = re.findall(r"^#{3,4} (.+)$", lesson_index(language=language), re.MULTILINE)
    missing = [text for text in headings if not LETTERS[language].search(text)]
    assert headings
    assert not missing, f"to be translated in examples/titles.toml ({language}): {missing}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_the_heading_that_was_translated_is_that_of_the_chapter(chapter):
    heading = chapter.read_text(encoding="utf-8").partition("\n")[0]
    assert f"# {read_titles()[chapter.stem]['en']}" == heading


def test_the_index_links_every_lesson_by_level(small_lab: SmallLab):
    small_lab.lesson()
    small_lab.lesson(number="35", level="realworld", title="Letters: send one")
    write(small_lab.root / "examples/basic/README.md", "")
    assert lesson_index(small_lab.root) == (
        "### [Basic](examples/basic/README.md)\n\n| | lesson | time |\n|---|---|---|\n"
        "| [01](examples/basic/01_sums.py) | Sums: add two numbers | 1 s |\n\n"
        "### Real world\n\n| | lesson | time |\n|---|---|---|\n"
        "| [35](examples/realworld/35_sums.py) | Letters: send one | 1 s |\n"
    )


def test_the_index_links_the_page_of_a_lesson_that_has_one(small_lab: SmallLab):
    small_lab.lesson()
    write(small_lab.root / "examples/basic/01_sums.md", "# 01 Sums: add two numbers\n")
    row = "| [01](examples/basic/01_sums.md) | Sums: add two numbers | 1 s |"
    assert lesson_index(small_lab.root).splitlines()[-1] == row


def test_a_level_of_several_chapters_is_listed_by_chapter(small_lab: SmallLab):
    for number in ("10", "11", "18"):
        small_lab.lesson(number=number, level="advanced", title=f"Number {number}")
    folder = small_lab.root / "examples/advanced"
    write(folder / "README.md", "# The advanced level\n")
    write(folder / "1-workflows.md", "# Workflows\n\ncog.out(lesson_list(10, 10)) (11)\n")
    write(folder / "2-control.md", "# Control\n\ncog.out(lesson_list(12, 18))\n")
    lines = lesson_index(small_lab.root).splitlines()
    table = ["", "| | lesson | time |", "|---|---|---|"]
    assert lines == [
        *["### [Advanced](examples/advanced/README.md)", *table],
        *["| [11](examples/advanced/11_sums.py) | Number 11 | 1 s |", ""],
        *["#### [Workflows](examples/advanced/1-workflows.md)", *table],
        *["| [10](examples/advanced/10_sums.py) | Number 10 | 1 s |", ""],
        *["#### [Control](examples/advanced/2-control.md)", *table],
        "| [18](examples/advanced/18_sums.py) | Number 18 | 1 s |",
    ]


def test_a_title_that_nobody_has_translated_stands_there_in_english(small_lab: SmallLab):
    small_lab.lesson()
    small_lab.lesson(number="02", title="Letters: send one")
    titles = '[01]\nru = "Суммы"\n[seconds]\nru = "сек"\n'
    write(small_lab.root / "examples/titles.toml", titles)
    rows = lesson_index(small_lab.root, language="ru").splitlines()[4:]
    assert rows == [
        "| [01](examples/basic/01_sums.py) | Суммы | 1 сек |",
        "| [02](examples/basic/02_sums.py) | Letters: send one | 1 сек |",
    ]
