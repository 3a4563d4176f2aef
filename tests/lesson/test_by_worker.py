"""Which worker did what, by the process groups that the ledger notes."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from labkit.lesson.by_worker import began_at, who_began
from labkit.lesson.timeline import who_did_what
from labkit.own.workers import Worker
from work.ledger import Ledger


def worker(name: str, group: int) -> Worker:
    found = Worker(name, [], Path())
    found.process = SimpleNamespace(pid=group)
    return found


OURS, OTHER = worker("mine@host", os.getpgrp()), worker("other@host", -1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """We began with two jobs, and ended them."""
    ledger = Ledger(tmp_path, "run")
    for job in ("OSL-2", "OSL-1"):
        ledger.note("START", job)
        ledger.note("END", job)
    return ledger


def test_only_beginnings_count_and_only_of_the_worker_that_is_asked_for(ledger):
    assert began_at(ledger) == [one.time for one in ledger.entries() if one.event == "START"]
    assert began_at(ledger, OURS) == began_at(ledger)
    assert began_at(ledger, OTHER) == []


def test_each_job_has_the_name_of_its_worker_without_the_host(ledger):
    assert list(who_began(ledger, [OTHER, OURS]).items()) == [("OSL-2", "mine"), ("OSL-1", "mine")]


def test_each_worker_has_the_jobs_that_it_did(ledger):
    rows = who_did_what(ledger, [OURS, OTHER])
    assert [one.job for one in rows["mine"]] == ["OSL-2", "OSL-1"]
    assert rows["other"] == []
