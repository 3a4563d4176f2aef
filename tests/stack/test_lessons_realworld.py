"""Every lesson of `examples/realworld/` prints what it promises."""

import pytest

from tests.stack.helpers.lesson_runs import LONGEST_S, keeps_its_promise, lessons_of


@pytest.mark.timeout(LONGEST_S + 30)
@pytest.mark.parametrize("number", lessons_of("realworld"))
def test_the_lesson_prints_what_it_promises(shared_lab, tmp_path, number):
    keeps_its_promise(shared_lab, number, tmp_path)
