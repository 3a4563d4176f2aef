"""The list of its lessons for a chapter, and the link to a lesson's page.

<!-- [[[cog from labkit.course.lesson_list import *; cog.out(lesson_list(30, 41)) ]]] -->
<!-- [[[end]]] -->
"""

import os
import re
from pathlib import Path

from lab_home import ROOT
from labkit.course.lessons import Lesson, lesson_of_script, scripts

_LIST = re.compile(r"cog\.out\(lesson_list\((\d+), (\d+)\)\)")


def lesson_list(first: int, last: int, root: Path = ROOT) -> str:
    """The lessons from the first number to the last one, a line each: title, link, time."""
    numbers = lesson_numbers(first, last, root)
    known = scripts(root)
    return "".join(_line(lesson_of_script(known[number], root)) for number in numbers)


def lesson_numbers(first: int, last: int, root: Path = ROOT) -> list[str]:
    """The numbers of the lessons from first to last, both included: ["30", "31"]."""
    numbers = [number for number in scripts(root) if number.isdecimal()]
    return [number for number in numbers if first <= int(number) <= last]


def _line(lesson: Lesson) -> str:
    title = f"{lesson.number} {lesson.text.title}"
    time = lesson.text.time.removeprefix("about ")
    return f"- [{title}]({link_to(lesson, lesson.path.parent)}), {time}\n"


def link_to(lesson: Lesson, folder: Path) -> str:
    """The link from a page in this folder to a lesson's page; without one to its script."""
    return Path(os.path.relpath(lesson.page or lesson.path, folder)).as_posix()


def lessons_of_chapter(page: Path, root: Path = ROOT) -> list[str]:
    """The numbers of the lessons that a chapter lists, in the order of the course."""
    found: set[str] = set()
    for first, last in _LIST.findall(page.read_text(encoding="utf-8")):
        found.update(lesson_numbers(int(first), int(last), root))
    return [number for number in scripts(root) if number in found]
