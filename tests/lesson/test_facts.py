"""What a recorded run keeps for its picture."""

import json
import os
import time

import pytest

from labkit.own import facts
from labkit.own.facts import keep_facts, note_kill, note_left, note_taken
from labkit.processes.start import FACTS_FILE
from work.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    """The ledger called late of a run of lesson 31."""
    return Ledger(tmp_path, "lesson31-1700000000-late")


@pytest.fixture
def kept(tmp_path, monkeypatch, ledger):
    """Gives what keep_facts() has written, without the times."""
    file = tmp_path / "facts.json"
    monkeypatch.setenv(FACTS_FILE, str(file))
    monkeypatch.setattr(facts, "_kills", {})
    monkeypatch.setattr(facts, "_messages", set())

    def read():
        keep_facts([ledger])
        known = json.loads(file.read_text())
        assert all(event["seconds"] >= 0 for event in known["late"])
        return [(one["event"], one["job"], one["process"]) for one in known["late"]]

    return read


def test_events_have_the_name_of_their_ledger_and_a_number_for_their_process(ledger, kept):
    ledger.note("START", "TL-1")
    ledger.note("END", "TL-1")
    ledger.note("CLOSE", "")  # a line about the ledger itself
    assert kept() == [("START", "TL-1", 1), ("END", "TL-1", 1)]


@pytest.mark.parametrize("number", [os.getpid, os.getpgrp])
def test_a_kill_of_the_process_or_its_group_ends_the_job_that_it_had(ledger, kept, number):
    ledger.note("START", "TL-1")
    note_kill(number())
    assert kept() == [("START", "TL-1", 1), ("KILLED", "TL-1", 1)]


def test_a_job_that_is_killed_after_its_effect_had_the_effect(ledger, kept):
    ledger.note("START", "TL-1")
    ledger.note("EFFECT", "TL-1")
    note_kill(os.getpid())
    assert kept()[1:] == [("EFFECT", "TL-1", 1), ("KILLED", "TL-1", 1)]


def test_a_kill_of_a_process_that_had_nothing_to_do_ends_no_job(ledger, kept):
    ledger.note("START", "TL-1")
    ledger.note("END", "TL-1")
    note_kill(os.getpid())
    assert kept() == [("START", "TL-1", 1), ("END", "TL-1", 1)]


def test_a_message_that_is_seen_twice_was_taken_once_and_before_its_job_began(ledger, kept):
    taken_at = time.time()
    note_taken(ledger, "TL-1", taken_at)
    ledger.note("START", "TL-1")
    note_taken(ledger, "TL-1", taken_at)
    assert kept() == [("TAKEN", "TL-1", 0), ("START", "TL-1", 1)]


def test_a_message_that_is_taken_at_once_when_it_came_back_left_before(ledger, kept):
    note_taken(ledger, "TL-1", 10.0)
    note_taken(ledger, "TL-1", 13.0)
    note_left(ledger, "TL-1", 13.0)
    assert kept() == [("TAKEN", "TL-1", 0), ("LEFT", "TL-1", 0), ("TAKEN", "TL-1", 0)]


def test_what_was_taken_for_another_ledger_is_not_told(ledger, kept, tmp_path):
    note_taken(Ledger(tmp_path, "lesson31-1700000000-early"), "TL-1", time.time())
    assert kept() == []


def test_a_ledger_without_lines_is_a_row_without_events(ledger, kept):
    ledger.create()
    assert kept() == []


def test_a_run_that_is_not_recorded_keeps_nothing(ledger, kept, monkeypatch, tmp_path):
    ledger.note("START", "TL-1")
    monkeypatch.delenv(FACTS_FILE)
    keep_facts([ledger])
    assert not (tmp_path / "facts.json").exists()
