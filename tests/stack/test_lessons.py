"""Every lesson and every usage script prints what it promises, on a stack as a learner has it."""

import pytest

from labkit.course.lessons import PLAYGROUND, lesson_of_number, scripts

# The playground is the learner's own: it is run and never judged.  The last lessons take the
# longest, so they come first.
LESSONS = [
    number
    for number in reversed(scripts())
    if number != PLAYGROUND and lesson_of_number(number).text.promise
]

LONGEST_S = 300  # lesson 45 takes 60 s alone on a machine, and much longer on a busy one


@pytest.mark.timeout(LONGEST_S + 30)
@pytest.mark.parametrize("number", LESSONS)
def test_the_lesson_prints_what_it_promises_and_leaves_no_temporary_file(
    shared_lab, tmp_path, number
):
    shared_lab.lesson(number, LONGEST_S, TMPDIR=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert list(shared_lab.home.glob("temporary/*")) == []  # of its workers and brokers
