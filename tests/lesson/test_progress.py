"""A bar follows what a task stores beside its state."""

from typing import Any

import pytest

from labkit.lesson.progress import follow, progress_bar


def steps(*done):
    return [{"done": number, "total": 3} for number in done]


class Result:
    """A stand-in for AsyncResult: each question for its info gives the next one."""

    def __init__(self, *infos):
        self.infos = list(infos)

    def successful(self):
        return True

    def ready(self):
        return not self.infos

    @property
    def info(self):
        return self.infos.pop(0)


def steps_of(*infos: Any) -> list[int]:
    result: Any = Result(*infos)
    return follow(result, "documents")


def test_each_step_is_told_once_and_in_order():
    assert steps_of(*steps(0, 1, 1, 1, 3, 3)) == [0, 1, 3]


def test_a_step_back_is_told():
    assert steps_of(*steps(2, 1)) == [2, 1]


@pytest.mark.parametrize("info", [None, {"pid": 4711, "hostname": "lab1@vm"}, ValueError("no")])
def test_what_is_stored_with_other_states_is_no_step(info):
    assert steps_of(info, *steps(1), info) == [1]


def test_the_bar_is_not_on_standard_output(capsys):
    with progress_bar("documents") as bar:
        bar.show({"done": 1, "total": 3})
    assert capsys.readouterr().out == ""
