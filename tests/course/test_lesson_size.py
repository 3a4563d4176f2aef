"""A lesson is one screenful, with prose between its lines, and shows Celery before its staging."""

from statistics import median

import pytest

from tests.course.lesson_size import (
    AS_A_RULE,
    EXCEPTIONS,
    LONGEST,
    MEDIAN,
    Size,
    sizes,
    too_long,
)

LESSONS = sizes()


def test_half_of_the_lessons_are_no_longer_than_a_screen():
    assert median(one.code for one in LESSONS) <= MEDIAN


def test_only_a_few_lessons_are_longer_than_the_rule():
    few = len(LESSONS) * EXCEPTIONS
    names = [f"{one.name}: {one.code}" for one in too_long(LESSONS)]
    assert len(names) <= few, f"more than {few:g} have over {AS_A_RULE} lines: {names}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_no_lesson_is_longer_than_two_screens_and_each_has_prose(lesson: Size):
    assert lesson.code <= LONGEST
    assert lesson.prose


def test_more_lines_are_celery_than_labkit():
    assert sum(one.celery for one in LESSONS) >= sum(one.labkit for one in LESSONS)
