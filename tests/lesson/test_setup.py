"""One setup of a trial: what its ledger says."""

from typing import Any

import pytest

from labkit.lesson.setup import Setup
from work.ledger import Ledger


@pytest.fixture
def setup(tmp_path):
    nothing: Any = None
    return Setup("one", "queue", Ledger(tmp_path, "run"), line=nothing, client=nothing, app=None)


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
