"""`./lab tour` runs several lessons on one stack, and counts those that were as promised."""

import pytest

from labkit.course.tours import ROUTES, run_tour, stops
from labkit.errors import LabError
from tests.helpers.small_lab import REFUSED, StandInStack


def test_a_tour_runs_its_lessons_in_order_on_one_stack(small_lab, capfd, monkeypatch):
    for number in ("03", "01", "02"):
        small_lab.lesson(f"print({number!r})", number, number=number)
    monkeypatch.setitem(ROUTES, "evening", ["01", "03"])
    stack = StandInStack()
    assert run_tour("evening", stack=stack, root=small_lab.root) == 0
    shown = [line for line in capfd.readouterr().out.splitlines() if line != "as promised"]
    assert shown == ["01", "03", "", "2 of 2 as promised"]
    assert stack.asked == [(["basic"], ["flower"])]


def test_a_level_is_a_tour_of_all_its_lessons(small_lab):
    small_lab.lesson(number="10", level="advanced")
    small_lab.lesson(number="24", level="advanced")
    assert [lesson.number for lesson in stops("advanced", small_lab.root)] == ["10", "24"]


def test_a_tour_goes_on_after_a_difference_and_counts_it(small_lab, capfd):
    small_lab.lesson(promise="10", number="01")
    small_lab.lesson(number="02")
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 1
    assert capfd.readouterr().out.endswith("1 of 2 as promised\n01: not as promised\n")


def test_a_tour_ends_where_the_stack_is_missing(small_lab, capfd):
    small_lab.lesson(end=REFUSED, number="01")
    small_lab.lesson(number="02")
    assert run_tour("basic", stack=StandInStack(), root=small_lab.root) == 1
    assert capfd.readouterr().out.endswith("0 of 2 as promised\n01: not as promised\nnot run: 1\n")


def test_an_unknown_tour_is_wrong_usage_and_the_tours_are_listed(small_lab):
    with pytest.raises(LabError, match="basic, advanced, realworld, evening, web") as caught:
        run_tour("morning", stack=StandInStack(), root=small_lab.root)
    assert caught.value.exit_code == 2


def test_the_routes_are_in_the_order_of_the_course():
    assert all(numbers == sorted(numbers) for numbers in ROUTES.values())
