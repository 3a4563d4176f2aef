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
def test_the_lesson_prints_what_it_promises(shared_lab, number):
    result = shared_lab.run("run", number, "--strict", timeout_s=LONGEST_S)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("as promised\n")
