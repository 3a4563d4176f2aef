"""How many runs were at work at the same time, by a ledger."""

from labkit.lesson.overlap import ROW, Overlap, overlap
from work.ledger import Ledger


def ledger_with(folder, *events):
    ledger = Ledger(folder, "run")
    for number, event in enumerate(events):
        ledger.note(event, f"run {number}")
    return ledger


def test_runs_in_a_row_were_never_at_work_together(tmp_path):
    runs = overlap(ledger_with(tmp_path, "START", "END", "START", "END"))
    assert runs == Overlap(began=2, skipped=0, lost=0, at_once=1)


def test_the_most_at_once_is_told_also_when_it_is_over(tmp_path):
    runs = overlap(ledger_with(tmp_path, "START", "START", "END", "START", "END"))
    assert runs.at_once == 2


def test_who_skipped_has_come_and_was_not_at_work(tmp_path):
    runs = overlap(ledger_with(tmp_path, "START", "SKIP", "SKIP", "END", "LOST"))
    assert dict(zip(ROW, runs.row(), strict=True)) == {
        **{"came": 3, "counted": 1, "skipped": 2, "at once at most": 1, "lock lost": 1}
    }
