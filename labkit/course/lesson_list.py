"""The list of its lessons for a chapter, and the link to where a lesson is told.

    <!-- [[[cog from labkit.course.lesson_list import *; cog.out(lesson_list(30, 41)) ]]] -->
    <!-- [[[end]]] -->

A lesson with a page of its own is linked there, any other one to its section in a chapter.
"""

import os
import re
from pathlib import Path

from lab_home import ROOT
from labkit.course.lessons import Lesson, lesson_of_script, scripts
from labkit.course.markdown import slug

_MARKS = re.compile(r"lesson_section\(\D?(\d+)|lesson_list\((\d+)(?:, (\d+))?")


def lesson_list(first: int, last: int | None = None, root: Path = ROOT) -> str:
    """The lessons from the first number to the last one, a line each: title, link, time."""
    numbers = lesson_numbers(first, first if last is None else last, root)
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
    """The link from a page in this folder to where a lesson is told: its page, or its section.

    A script that has neither, such as the playground, is linked itself.
    """
    page, _, place = lesson.to_read().partition(":")
    target = lesson.root / page if page else lesson.path
    link = Path(os.path.relpath(target, folder)).as_posix()
    return f"{link}#{slug(f'{lesson.number} {lesson.text.title}')}" if place else link


def lessons_of_chapter(page: Path, root: Path = ROOT) -> list[str]:
    """The numbers of the lessons that a chapter tells or lists, in the order of the course."""
    found: set[str] = set()
    for section, first, last in _MARKS.findall(page.read_text(encoding="utf-8")):
        from_number = int(section or first)
        found.update(lesson_numbers(from_number, int(last or from_number), root))
    return [number for number in scripts(root) if number in found]
