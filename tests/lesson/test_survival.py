"""What a lesson says of work whose script is gone."""

import json
import socket
from dataclasses import asdict

import pytest

from labkit.lesson.survival import LATER, LOST, Tried
from work.ledger import Entry, Ledger

PID = 4711  # of the script that ended
ENDED_AT = 1000.0


@pytest.fixture
def tried(tmp_path):
    return Tried("thread", Ledger(tmp_path, "lesson00"), PID, took_s=1.04, ended_at=ENDED_AT)


def wrote(tried, event, how="ended", *, host=None, pid=PID, group=PID, time=ENDED_AT - 1):
    """Let somebody write a line about one of the two jobs."""
    entry = Entry(event, f"{tried.way} {how}", host or socket.gethostname(), pid, group, time)
    with tried.ledger.path.open("a") as file:
        file.write(json.dumps(asdict(entry)) + "\n")


def test_work_without_an_end_is_lost(tried):
    wrote(tried, "START")
    wrote(tried, "START", "killed")
    assert (tried.ended(), tried.killed()) == (LOST, LOST)


def test_a_script_that_ended_after_its_work_has_waited_for_it(tried):
    wrote(tried, "END")
    assert tried.ended() == "it waits 1.0 s"


def test_work_that_ends_after_its_script_was_done_later(tried):
    wrote(tried, "END", time=ENDED_AT + 1)
    wrote(tried, "END", "killed", time=ENDED_AT + 1)
    assert (tried.ended(), tried.killed()) == (LATER, LATER)


def test_both_are_done_when_the_second_one_is(tried):
    wrote(tried, "END")
    assert not tried.both_done()
    wrote(tried, "END", "killed")
    assert tried.both_done()


@pytest.mark.parametrize(
    ("who", "name", "elsewhere"),
    [
        ({}, "the script itself", "no"),
        ({"pid": 4712}, "its child", "no"),
        ({"pid": 99, "group": 98}, "a process apart", "possible"),
        ({"host": "another"}, "a process apart", "possible"),  # it also counts from 1
    ],
)
def test_only_a_process_apart_may_be_on_another_machine(tried, who, name, elsewhere):
    wrote(tried, "START", **who)
    assert tried.row()[-2:] == (name, elsewhere)


def test_work_that_never_began_was_done_by_nobody(tried):
    assert tried.done_by() == "nobody"
