"""What the ledger of a setup says, and what the waits of a trial wait for."""

import threading
from typing import Any

import pytest

from labkit.lesson.setup import Setup
from labkit.lesson.setups import Setups
from work.ledger import Ledger

ENDLESS_S = 0.3  # nothing that is met takes a tenth of it


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """One setup to which OSL-1 was sent; its messages are those that the test names."""
    nobody: Any = None
    one = Setup("one", "queue", Ledger(tmp_path, "run"), line=nobody, client=nobody, app=None)
    one.ledger.create()
    monkeypatch.setattr(one, "_ids", lambda: {"OSL-1": "id"})
    monkeypatch.setattr(one, "_with_a_message", set)
    monkeypatch.setattr("labkit.lesson.setups.WAIT_S", ENDLESS_S)
    monkeypatch.setattr("labkit.lesson.setups.SURE_S", 0.05)
    monkeypatch.setattr("labkit.lesson.setups.messages", lambda _client, _queues: 1)
    return one


def test_the_fate_of_a_job_is_what_the_work_wrote_down(setup):
    assert setup.fate("OSL-1") == "never began"
    setup.ledger.note("START", "OSL-1")
    assert setup.fate("OSL-1") == "began, and did not end"
    setup.ledger.note("END", "OSL-1")
    assert setup.fate("OSL-1") == "began and ended"


def test_only_the_runs_that_began_soon_after_the_first_one_are_within_that_time(setup, monkeypatch):
    for moment in (100.0, 100.5, 102.0):
        monkeypatch.setattr("work.ledger.time.time", lambda moment=moment: moment)
        setup.ledger.note("START", "OSL-1")
    assert setup.runs_within(2) == 2


def done(setup):
    setup.ledger.note("START", "OSL-1")
    setup.ledger.note("END", "OSL-1")


def test_more_jobs_are_counted_from_the_moment_of_the_question(setup):
    done(setup)
    later = threading.Timer(ENDLESS_S / 3, done, [setup])
    later.start()
    Setups([setup], [setup]).wait_until_more_done(1)
    later.join()
    assert len(setup.done()) == 2


def test_a_job_without_end_and_without_message_is_not_waited_for(setup, monkeypatch):
    monkeypatch.setattr("labkit.lesson.setups.messages", lambda _client, _queues: 0)
    Setups([setup], [setup]).wait_until_done_or_lost(lambda _verdict: False)


def test_a_job_that_has_a_message_is_waited_for(setup, monkeypatch):
    monkeypatch.setattr(setup, "_with_a_message", lambda: {"OSL-1"})
    with pytest.raises(Exception, match="the end of all jobs did not come"):
        Setups([setup], [setup]).wait_until_done_or_lost(lambda _verdict: True)


def test_messages_of_finished_jobs_are_waited_for_until_it_is_enough(setup):
    done(setup)
    setups = Setups([setup], [setup])
    setups.wait_until_done_or_lost(lambda verdict: verdict.finished == ["OSL-1"])
    with pytest.raises(Exception, match="the end of all jobs did not come"):
        setups.wait_until_done_or_lost(lambda verdict: bool(verdict.finished_twice))


def test_effects_that_others_know_count_instead_of_the_ledgers(setup):
    done(setup)
    verdicts = Setups([setup], [setup]).verdicts({"one": ["OSL-1", "OSL-1"]})
    assert verdicts["one"].effects_twice == ["OSL-1"]
