"""Every number that a text gives to a lesson is that of a lesson.

(That a link says the number of its target is in test_links.py.)
Numbers are looked for where texts name lessons: "lesson 01", "lessons 01 to 03" (in Russian and
Chinese, too), `./lab run 01`, lesson01 in names of queues, a link to 01_name.py, and the column
`lesson` of a table.
"""

import re
import tomllib
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.course.lessons import scripts
from labkit.course.tours import ROUTES, stops
from tests.test_house import our_files

SPACE = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:# *)?)"  # a line may end here, in a comment, too
AND = rf"(?:,{SPACE}|,?{SPACE}(?:to|and|or|и|до|по){SPACE}|[-\u2013、到至和])"
NUMBER = r"\d\d(?![\d%_]|[.:/]\d)"
NUMBERS = rf"{NUMBER}(?:{AND}{NUMBER})*"
WAYS = [
    rf"(?<![a-z])lessons?{SPACE}{NUMBERS}",
    rf"урок\w*{SPACE}{NUMBERS}",
    rf"第 ?{NUMBERS} ?课|课程 ?{NUMBERS}",
    r"(?<![a-z])lesson\d\d(?!\d)",
    r"\blab (?:run|record) \d\d(?!\d)",
    r'"(?:run|record)", "\d\d"',
    r"lesson_list\(\d\d, \d\d\)",
    r"examples/runs/\d\d\.txt",
]
NAMED = re.compile("|".join(WAYS), re.IGNORECASE)
FILE = re.compile(r"examples/(?:basic|advanced|realworld)/\d\d_\w+\.(?:py|md)")

KEPT = re.compile(r"<!-- old and new numbers -->.*?<!-- end of the numbers -->", re.DOTALL)
OLD = {"renumbered.py", "test_renumbered.py"}  # they name the old numbers
MADE_UP = "99"  # in tests: the number of what is no lesson of ours
SMALL_LAB = "small_lab"  # who makes lessons of their own gives them numbers of their own

LESSONS = {number: path for number, path in scripts().items() if number.isdecimal()}


def numbers_in(text: str) -> set[str]:
    """Every number that a text gives to a lesson."""
    found = {number for name in NAMED.findall(text) for number in re.findall(r"\d\d", name)}
    return found | set(re.findall(r"\d\d", "".join(cells_for_lessons(text))))


def cells_for_lessons(text: str) -> list[str]:
    """The last cells of the tables whose last heading is `lesson`."""
    cells, inside = [], False
    for line in text.splitlines():
        inside = line.endswith("| lesson |") or (inside and line.startswith("|"))
        if inside:
            cells.append(line.rstrip("|").rpartition("|")[2])
    return cells


def read(path: Path) -> str:
    """The text of a file without what may name old or made-up numbers; "" for a picture."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
    if path.name in OLD or path == Path(__file__):
        return ""
    if "tests" in path.relative_to(ROOT).parts:
        text = "" if SMALL_LAB in text else re.sub(rf"(?<!\d){MADE_UP}(?!\d)", "", text)
    return KEPT.sub("", text)


TEXTS = {path.relative_to(ROOT).as_posix(): read(path) for path in our_files()}


def test_every_number_that_a_text_names_is_a_lesson():
    named = {name: numbers_in(text) - set(LESSONS) for name, text in TEXTS.items()}
    assert sum(len(numbers_in(text)) for text in TEXTS.values()) > 300
    assert {name: numbers for name, numbers in named.items() if numbers} == {}


def test_a_file_of_a_lesson_that_a_text_names_is_there():
    files = {(name, file) for name, text in TEXTS.items() for file in FILE.findall(text)}
    assert len(files) > 100
    assert [(name, file) for name, file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_gives_its_own_number_to_what_is_its_own(number):
    text = LESSONS[number].read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![a-z])lesson(\d\d)(?!\d)", text)) <= {number}


def test_runs_titles_and_routes_are_those_of_lessons():
    runs = {path.stem for path in (ROOT / "examples/runs").glob("*.txt")}
    titles = tomllib.loads((ROOT / "examples/titles.toml").read_text(encoding="utf-8"))
    assert runs == set(LESSONS)
    assert {key for key in titles if key.isdecimal()} == set(LESSONS)
    assert {name: [one.number for one in stops(name)] for name in ROUTES} == ROUTES


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("see lesson 91, which", ["91"]),
        ("Lessons 91 to 93 and 95:", ["91", "93", "95"]),
        ("(lessons 91\nand 92), lesson\n# 93", ["91", "92", "93"]),
        ("урок 91, в уроках 92 и 93", ["91", "92", "93"]),
        ("第 91 课、课程 92\u201393", ["91", "92", "93"]),
        ("`./lab run 91`, ./lab record 92", ["91", "92"]),
        ('lab.run("run", "91")', ["91"]),
        ("the queues lesson91 and lesson92.slow, lesson93-a", ["91", "92", "93"]),
        (
            "| a | lesson |\n|---|---|\n| 20 | 91 |\n| 21 | 92, 93 |\n\n| 22 | 23 |",
            ["91", "92", "93"],
        ),
        ("91 lessons, lesson 1.5, 20 s, lesson910, a lesson of 12 s, 2026-11-20", []),
    ],
)
def test_the_finder_finds_what_names_a_lesson_and_nothing_else(text, numbers):
    assert numbers_in(text) == set(numbers)
