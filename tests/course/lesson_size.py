"""How long the lessons are, and how much of them is Celery.

    python tests/course/lesson_size.py           # a table of all lessons
    python tests/course/lesson_size.py FOLDER    # of another copy of the lab, by the same rules

Module docstring, imports and blank lines count for nothing.  Of the other lines, prose are those
that are a comment and nothing else, and docstrings; all others are code.  celery_lines.py says
which of these are Celery, which are labkit, and which are neither.
"""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from labkit.course.lessons import scripts
from labkit.lesson.tables import table
from tests.course.celery_lines import celery_and_labkit, span

ROOT = Path(__file__).resolve().parents[2]

# A lesson is one screenful.  A limit is not a target.
MEDIAN, LONGEST = 50, 80  # lines of code
AS_A_RULE, EXCEPTIONS = 60, 1 / 8  # so long at most, but for so many of the lessons


@dataclass(frozen=True)
class Size:
    """The lines of one lesson."""

    name: str
    code: int
    prose: int
    celery: int
    labkit: int


def size(path: Path) -> Size:
    """Count the lines of a lesson."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    code, prose = _code_and_prose(tree, source.splitlines())
    celery, labkit = celery_and_labkit(tree)
    return Size(path.stem, len(code), len(prose), len(celery & code), len((labkit & code) - celery))


def sizes(root: Path = ROOT) -> list[Size]:
    """Those of all numbered lessons."""
    return [size(path) for number, path in scripts(root).items() if number.isdecimal()]


def too_long(lessons: list[Size]) -> list[Size]:
    """The lessons that are longer than lessons are as a rule."""
    return [one for one in lessons if one.code > AS_A_RULE]


def _code_and_prose(tree: ast.Module, lines: list[str]) -> tuple[set[int], set[int]]:
    """The numbers of the lines that are code, and of those that are prose."""
    imports = [one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)]
    nothing = _numbers([*_docstring(tree), *imports])
    docstrings = _numbers([one for node in ast.walk(tree) for one in _docstring(node)])
    counted = {number for number, line in enumerate(lines, start=1) if line.strip()} - nothing
    prose = {one for one in counted if one in docstrings or lines[one - 1].lstrip()[0] == "#"}
    return counted - prose, prose


def _docstring(node: ast.AST) -> list[ast.stmt]:
    if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.body[:1] if ast.get_docstring(node) else []
    return []


def _numbers(nodes: list[ast.stmt]) -> set[int]:
    """The numbers of the lines that these take."""
    spans = map(span, nodes)
    return {number for first, last in spans for number in range(first, last + 1)}


def show(lessons: list[Size]) -> None:
    """Print a row for each lesson, and what is true of all of them."""
    rows = [(one.name, one.code, one.prose, one.celery, one.labkit) for one in lessons]
    table("lesson", "code", "prose", "Celery", "labkit", rows=rows)
    code, prose = sum(one.code for one in lessons), sum(one.prose for one in lessons)
    celery, labkit = sum(one.celery for one in lessons), sum(one.labkit for one in lessons)
    longest = sorted(lessons, key=lambda one: -one.code)
    middle = median(one.code for one in lessons)
    print(f"\nlessons: {len(lessons)}; code: median {middle:g}, longest {longest[0].code}")
    print(f"longer than {AS_A_RULE}: {len(too_long(lessons))}")
    print(f"the longest: {', '.join(f'{one.name} {one.code}' for one in longest[:5])}")
    print(f"code {code}, prose {prose}: {prose / (prose + code):.0%} of the lines are prose")
    print(f"Celery {celery}, labkit {labkit}, neither {code - celery - labkit}")


if __name__ == "__main__":
    show(sizes(Path(*sys.argv[1:2] or [str(ROOT)]).resolve()))
