"""A bar follows what a task stores beside its state."""

import pytest

from labkit.lesson.progress import follow, progress_bar


def steps(*done):
    return [{"done": number, "total": 3} for number in done]


class Result:
    """A stand-in for AsyncResult: each question for its info gives the next one."""

    def __init__(self, *infos):
        self.infos = list(infos)

    def ready(self):
        return not self.infos

    @property
    def info(self):
        return self.infos.pop(0)


def test_each_step_is_told_once_and_in_order():
    assert follow(Result(*steps(0, 1, 1, 1, 3, 3)), "documents") == [0, 1, 3]


def test_a_step_back_is_told():
    assert follow(Result(*steps(2, 1)), "documents") == [2, 1]


@pytest.mark.parametrize("info", [None, {"pid": 4711, "hostname": "lab1@vm"}, ValueError("no")])
def test_what_is_stored_with_other_states_is_no_step(info):
    assert follow(Result(info, *steps(1), info), "documents") == [1]


def test_the_bar_is_not_on_standard_output(capsys):
    with progress_bar("documents") as bar:
        bar.show({"done": 1, "total": 3})
    assert capsys.readouterr().out == ""
