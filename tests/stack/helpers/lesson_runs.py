"""Run the lessons of one level on a stack as a learner has it: a file of tests for each level."""

from pathlib import Path

from labkit.course.lessons import PLAYGROUND, lesson_of_number, scripts
from tests.stack.helpers.labs import Lab

LONGEST_S = 300  # lesson 61 takes 60 s alone on a machine, and much longer on a busy one


def lessons_of(level: str) -> list[str]:
    """The lessons and the usage script of a level that promise something, the last one first.

    The playground is the learner's own: it is run and never judged.
    """
    found = [lesson_of_number(number) for number in reversed(scripts()) if number != PLAYGROUND]
    return [one.number for one in found if one.level == level and one.text.promise]


def keeps_its_promise(lab: Lab, number: str, folder: Path) -> None:
    """Fail unless it prints what it promises, and leaves no temporary file.

    folder: an empty one, for its temporary files.
    """
    lab.lesson(number, LONGEST_S, TMPDIR=str(folder))
    assert list(folder.iterdir()) == []
    assert list(lab.home.glob("temporary/*")) == []  # of its workers and brokers
