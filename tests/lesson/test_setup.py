"""One setup of a trial: what its ledger says."""

from labkit.lesson.setup import Setup
from work.ledger import Ledger


def test_the_fate_of_a_job_is_what_the_work_wrote_down(tmp_path):
    setup = Setup("one", "queue", Ledger(tmp_path, "run"), line=None, client=None, app=None)
    assert setup.fate("OSL-1") == "never began"
    setup.ledger.note("START", "OSL-1")
    assert setup.fate("OSL-1") == "began, and did not end"
    setup.ledger.note("END", "OSL-1")
    assert setup.fate("OSL-1") == "began and ended"
