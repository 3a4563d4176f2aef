"""`./lab run` compares a lesson's output with the promise, and ends with its verdict."""

import pytest

from labkit.course.runner import run_lesson_number
from labkit.course.tours import run_tour
from labkit.errors import LabError
from tests.helpers.small_lab import PLAIN, REFUSED, RUN, SmallLab, StandInStack, write


def run(lab: SmallLab, number: str = "01", **options) -> int:
    return run_lesson_number(number, stack=StandInStack(), root=lab.root, **options)


def test_a_kept_promise_says_so_after_the_output(small_lab, capfd):
    small_lab.lesson()
    assert run(small_lab) == 0
    assert capfd.readouterr().out == "the sum is 9\nas promised\n"


def test_the_header_goes_to_stderr_before_the_output(small_lab, capfd):
    small_lab.lesson(end=RUN)
    run(small_lab)
    assert capfd.readouterr().err.startswith("01 Sums: add two numbers\n   lesson: ")


NEXT = "\nTry next.  Guess first:\n  1. Change the sum.\n     What comes then?\nnext: ./lab run "


def test_the_tries_and_the_next_lesson_come_last_and_on_stderr(small_lab, capfd):
    small_lab.lesson(end=RUN)
    assert run(small_lab) == 0
    told = capfd.readouterr()
    assert NEXT in told.err
    assert told.out == "the sum is 9\nas promised\n"


def test_after_a_failure_the_hint_stays_the_last_word(small_lab, capfd):
    small_lab.lesson(promise="the sum is 10")
    assert run(small_lab) == 1
    assert "Try next" not in capfd.readouterr().err


def test_a_tour_goes_on_by_itself(small_lab, capfd):
    small_lab.lesson()
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 0
    assert "next: " not in capfd.readouterr().err


def test_a_difference_is_shown_and_fails_the_run(small_lab, capfd):
    small_lab.lesson(promise="the sum is 10")
    assert run(small_lab) == 1
    out = capfd.readouterr().out
    assert "line 1 differs\n  promised: the sum is 10\n  got:      the sum is 9\n" in out
    assert "error: lesson 01 did not print what it promises\n\nhint: " in out
    assert "as promised" not in out


def test_a_difference_after_a_change_names_the_file_and_is_no_failure(small_lab, capfd):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    out = capfd.readouterr().out
    assert "got:      the sum is -1" in out
    assert "that is what your change of work/sums.py did\n\nhint: ./lab restore" in out


def test_strict_fails_on_a_difference_whatever_was_changed(small_lab):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab, strict=True) == 1


@pytest.mark.parametrize(
    "name", ["tasks/playground.py", "examples/basic/02_other.py", "examples/basic/x.md"]
)
def test_a_change_that_cannot_matter_excuses_nothing(small_lab, name):
    small_lab.lesson(promise="the sum is 10")
    write(small_lab.root / name, "# one\n")
    small_lab.commit()
    write(small_lab.root / name, "# two\n")
    assert run(small_lab) == 1


@pytest.mark.parametrize("name", ["examples/basic/helper.py", "web/api.py"])
def test_a_change_of_a_script_beside_the_lesson_is_an_excuse(small_lab, capfd, name):
    small_lab.lesson(promise="the sum is 10")
    write(small_lab.root / name, "# one\n")
    small_lab.commit()
    write(small_lab.root / name, "# two\n")
    assert run(small_lab) == 0
    assert f"that is what your change of {name} did" in capfd.readouterr().out


def test_a_kept_promise_after_a_change_is_as_promised(small_lab, capfd):
    small_lab.lesson()
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "y + x")
    assert run(small_lab) == 0
    assert capfd.readouterr().out.endswith("as promised\n")


CLAIM = "from labkit.lesson import claim\nprint('the sum is 9')\nclaim(add(4, 5) == 9, 'it is 9')"


def test_a_false_claim_is_told_after_the_output_and_fails_the_run(small_lab, capfd):
    small_lab.edit("work/sums.py", "x + y", "x - y")
    small_lab.lesson(CLAIM, "the sum is 9\ntrue: it is 9", end=RUN)
    assert run(small_lab) == 1
    told = capfd.readouterr()
    assert told.err.endswith("error: this did not come true: it is 9\n")
    assert "promised" not in told.out  # one sentence says it, and not the missing line as well


def test_a_line_that_differs_before_a_false_claim_is_shown(small_lab, capfd):
    code = (
        "from labkit.lesson import claim\nx = add(4, 5)\nprint('sum', x)\nclaim(x == 9, 'it is 9')"
    )
    small_lab.lesson(code, "sum 9\ntrue: it is 9", end=RUN)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    out = capfd.readouterr().out
    assert "line 1 differs\n  promised: sum 9\n  got:      sum -1\n" in out
    assert "did not come" not in out  # the claim has said so


def test_a_false_claim_after_a_change_is_what_the_change_did(small_lab, capfd):
    small_lab.lesson(CLAIM, "the sum is 9\ntrue: it is 9", end=RUN)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 0
    assert "ended with exit code 1: that is what your change of work/sums" in capfd.readouterr().out


MISSING = "from labkit.errors import LabError\nraise LabError('the disk is full', 'df -h')"


def test_an_error_with_a_hint_is_the_only_one(small_lab, capfd):
    small_lab.lesson(MISSING, "the sum is 9", end=RUN)
    assert run(small_lab) == 1
    told = capfd.readouterr()
    assert told.err.endswith("error: the disk is full\n\nhint: df -h\n")
    assert "error" not in told.out and "hint" not in told.out


def test_a_lesson_that_could_not_start_fails_whatever_was_changed(small_lab, capfd):
    small_lab.lesson(end=REFUSED)
    small_lab.commit()
    small_lab.edit("work/sums.py", "x + y", "x - y")
    assert run(small_lab) == 1
    assert capfd.readouterr() == ("", "error: no broker answers\n")


def test_a_script_without_a_promise_is_run_and_not_judged(small_lab, capfd):
    assert run(small_lab, "playground") == 0
    assert capfd.readouterr().out == "mine\n"


def test_a_changed_playground_is_as_the_learner_wants_it(small_lab, capfd):
    doc = "Mine: try it.\n\nYou should see:\n\n    hello\n"
    write(small_lab.root / "examples/playground.py", f'"""{doc}"""\nprint("bye")\n')
    assert run(small_lab, "playground") == 0
    assert capfd.readouterr().out == "bye\n"


def test_the_stack_gets_the_queues_and_extras_of_the_lesson(small_lab):
    small_lab.lesson()
    stack = StandInStack()
    run_lesson_number("01", stack=stack, root=small_lab.root)
    assert stack.asked == [(["basic"], ["flower"])]
    assert not stack.up


def test_the_lesson_gets_the_environment_of_the_stack(small_lab):
    small_lab.lesson(
        "import os\nprint(os.environ['REDIS_URL'])", "redis://localhost:7/0", end=PLAIN
    )
    stack = StandInStack(REDIS_URL="redis://localhost:7/0")
    assert run_lesson_number("01", stack=stack, root=small_lab.root) == 0


def test_a_typing_mistake_in_a_task_file_is_told_before_anything_starts(small_lab):
    small_lab.lesson()
    small_lab.edit("tasks/basic_tasks.py", "def add(x, y):", "def add(x, y:")
    stack = StandInStack()
    with pytest.raises(LabError, match=r"tasks/basic_tasks\.py line 7 is not"):
        run_lesson_number("01", stack=stack, root=small_lab.root)
    assert stack.asked == []
