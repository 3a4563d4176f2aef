"""Which worker began with what, by the process groups that the ledger notes."""

import os
from types import SimpleNamespace
from typing import Any

from labkit.lesson.by_worker import began_at, who_began
from work.ledger import Ledger

OURS: Any = SimpleNamespace(name="mine@host", process=SimpleNamespace(pid=os.getpgrp()))
OTHER: Any = SimpleNamespace(name="other@host", process=SimpleNamespace(pid=-1))


def test_only_beginnings_count_and_only_of_the_worker_that_is_asked_for(tmp_path):
    ledger = Ledger(tmp_path, "run")
    ledger.note("START", "OSL-1")
    ledger.note("END", "OSL-1")
    assert began_at(ledger) == [ledger.entries()[0].time]
    assert began_at(ledger, OURS) == began_at(ledger)
    assert began_at(ledger, OTHER) == []


def test_each_job_has_the_name_of_its_worker_without_the_host(tmp_path):
    ledger = Ledger(tmp_path, "run")
    for job in ("OSL-2", "OSL-1"):
        ledger.note("START", job)
    assert who_began(ledger, [OTHER, OURS]) == {"OSL-2": "mine", "OSL-1": "mine"}
    assert list(who_began(ledger, [OURS])) == ["OSL-2", "OSL-1"]
