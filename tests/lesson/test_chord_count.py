"""The keys of a chord's count, read from a server that the test fills."""

import json

import pytest

from labkit.lesson.chord_count import ChordCount

KEY = "celery-taskset-meta-h"


class Server:
    """What redis-py does, for the keys of a dict."""

    def __init__(self, keys):
        self.keys = {f"{KEY}{end}": value for end, value in keys.items()}

    def exists(self, key):
        return key in self.keys

    def get(self, key):
        return self.keys.get(key)

    def scard(self, key):
        return len(self.keys.get(key, ()))

    def zrange(self, key, _first, _last):
        return self.keys[key]


def result(state, value):
    return json.dumps([1, "id", state, value])


def count_of(**keys):
    return ChordCount("h", Server({f".{end}": value for end, value in keys.items()}))


def test_members_are_counted_whether_they_went_well_or_not():
    assert count_of(s="3", d={"a:0", "b:1"}).counted() == 2


def test_before_the_first_member_has_ended_none_is_counted():
    assert count_of(s="3").counted() == 0


def test_only_the_keys_that_are_there_are_shown(capsys):
    count_of(c="done").show()
    assert capsys.readouterr().out.splitlines()[1:] == [".c   whether the body was sent  done"]


@pytest.mark.parametrize(
    ("state", "value", "shown"),
    [
        ("SUCCESS", {"airline": "wren"}, "wren"),
        ("FAILURE", {"exc_type": "ValueError"}, "ValueError"),
    ],
)
def test_a_result_is_shown_by_its_airline_and_a_failure_by_its_type(capsys, state, value, shown):
    count_of(j=[result(state, value)]).show()
    assert capsys.readouterr().out.endswith(f"{shown}\n")
