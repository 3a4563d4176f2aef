"""The ledger on bad days, and the verdict beside a model of what happened."""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import LabError
from labkit.lesson.verdict import require_possible, verdict_on, verdict_table
from labkit.own.ledgers import own_ledgers, wait_for_lines
from work.ledger import LONGEST_LINE_BYTES, Delivery, Entry, Ledger, LedgerError

EVENTS = ("START", "END", "EFFECT")
JOBS = [f"TL-{number}" for number in range(6)]


def line(event: str, job: str) -> Entry:
    return Entry(event, job, "vm", 1, 1, 0.0)


# -- The ledger -----------------------------------------------------------------------------------


def test_a_line_tells_which_message_brought_the_job(tmp_path):
    Ledger(tmp_path, "run", Delivery("id-1", "lab1@vm", redelivered=True)).note("START", "TL-1")
    (entry,) = Ledger(tmp_path, "run").entries()
    assert (entry.task_id, entry.worker, entry.redelivered) == ("id-1", "lab1@vm", True)


@settings(deadline=None)  # a disk may be slow
@given(cut=st.integers(min_value=1, max_value=10_000))
def test_a_torn_last_line_does_not_count_and_spoils_no_later_one(cut, tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("torn"), "run")
    ledger.note("START", "TL-1")
    whole = ledger.path.stat().st_size
    ledger.note("END", "TL-1")
    os.truncate(ledger.path, whole + cut % (ledger.path.stat().st_size - whole))
    assert [entry.event for entry in ledger.entries()] == ["START"]
    ledger.note("EFFECT", "TL-1")
    assert [entry.event for entry in ledger.entries()] == ["START", "EFFECT"]


def test_a_damaged_line_among_whole_ones_is_an_error(tmp_path):
    ledger = Ledger(tmp_path, "run")
    ledger.note("START", "TL-1")
    with ledger.path.open("ab") as file:
        file.write(b'{"event": "EN\n')
    with pytest.raises(LedgerError, match=r"^line 2 of run.jsonl is damaged$"):
        ledger.entries()


def test_a_line_that_is_too_long_is_refused_before_anything_is_written(tmp_path):
    ledger = Ledger(tmp_path, "run")
    with pytest.raises(ValueError, match=r"^a line must have at most 8192 bytes"):
        ledger.note("START", "x" * LONGEST_LINE_BYTES)
    assert ledger.entries() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_one_sentence(tmp_path):
    (tmp_path / "run.jsonl").symlink_to("/dev/full")
    with pytest.raises(LedgerError, match=r"^the ledger run.jsonl cannot be written: No space"):
        Ledger(tmp_path, "run").note("START", "TL-1")


def test_a_lesson_whose_ledger_cannot_be_written_says_what_to_type(tmp_path, monkeypatch):
    (tmp_path / "ledgers").write_text("a file where a folder should be")
    monkeypatch.setattr("labkit.own.ledgers.LAB_FILES", tmp_path)
    said = pytest.raises(LabError, match=r"cannot be written: .*\n\nhint: LAB_FILES=.* run 30$")
    with said, own_ledgers("lesson30", "early"):
        pass


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The lab's files of one test; broken() makes the ledgers in it unwritable, for root, too."""
    monkeypatch.setattr("labkit.own.ledgers.LAB_FILES", tmp_path)
    monkeypatch.setattr("labkit.own.ledgers.LAB_HOME", tmp_path)
    return tmp_path


def broken(ledger: Ledger) -> None:
    ledger.remove()
    ledger.path.mkdir()


CANNOT = r"^error: the ledger \S+ cannot be written: .*\n\nhint: LAB_FILES=.* run 30$"


@pytest.mark.parametrize("consequence", [ValueError("max() of nothing"), SystemExit("false"), None])
def test_a_ledger_that_became_unwritable_is_told_in_place_of_what_came_of_it(files, consequence):
    with pytest.raises(LabError, match=CANNOT), own_ledgers("lesson30", "early") as (ledger,):
        broken(ledger)
        if consequence:
            raise consequence


def test_an_error_of_the_lesson_stays_where_its_ledgers_can_be_written(files):
    with pytest.raises(KeyError, match="mine"), own_ledgers("lesson30", "early"):
        raise KeyError("mine")


def test_a_full_disk_is_told_before_anybody_counts(files, monkeypatch):
    with (
        pytest.raises(LabError, match=r"^error: the disk is full: "),
        own_ledgers("lesson30", "early"),
    ):
        monkeypatch.setattr("labkit.errors.ROOM_BYTES", sys.maxsize)


def test_waiting_for_lines_ends_when_no_line_can_come(files, monkeypatch):
    monkeypatch.setattr("labkit.own.ledgers.LOOK_S", 0)
    with pytest.raises(LabError, match=CANNOT), own_ledgers("lesson30", "early") as (ledger,):
        broken(ledger)
        wait_for_lines([ledger], lambda: False, 60, "the end")


def test_lines_that_do_not_come_are_an_error(files):
    said = r"^error: the end of TL-1 did not come in 0 s\n\nhint: tail .*/logs/lesson30\*\.log$"
    with pytest.raises(LabError, match=said), own_ledgers("lesson30", "early") as found:
        wait_for_lines(found, lambda: bool(found[0].find("END", "TL-1")), 0, "the end of TL-1")


# -- The verdict ----------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """What happened to each job: [(event, job), ...] mixed; a job's END comes after its START."""
    stories = []
    for job in JOBS:
        for _ in range(draw(st.integers(0, 3))):
            stories.append([(event, job) for event in EVENTS[: draw(st.integers(1, 3))]])
    written = []
    while stories:
        story = draw(st.sampled_from(stories))
        written.append(story.pop(0))
        stories = [story for story in stories if story]
    return written


def model(written):
    """The same verdict, counted in the plainest way."""
    times = {event: {job: written.count((event, job)) for job in JOBS} for event in EVENTS}
    return {
        "started": [job for job in JOBS if times["START"][job] >= 1],
        "finished": [job for job in JOBS if times["END"][job] >= 1],
        "lost": [job for job in JOBS if times["END"][job] == 0],
        "started_twice": [job for job in JOBS if times["START"][job] >= 2],
        "finished_twice": [job for job in JOBS if times["END"][job] >= 2],
        "effects_twice": [job for job in JOBS if times["EFFECT"][job] >= 2],
        "effects": sum(times["EFFECT"].values()),
        "runs": times["START"],
        "wrong": [],
    }


@settings(deadline=None)  # a disk may be slow
@given(written=histories(), torn=st.integers(0, 200))
def test_the_verdict_on_a_ledger_agrees_with_the_model(written, torn, tmp_path_factory):
    ledger = Ledger(tmp_path_factory.mktemp("model"), "run")
    for event, job in written:
        ledger.note(event, job)
    if torn and written:  # the last line loses some of its bytes, and so counts for nothing
        last = len(ledger.path.read_bytes().splitlines(keepends=True)[-1])
        os.truncate(ledger.path, ledger.path.stat().st_size - min(torn, last))
        written = written[:-1]
    verdict = asdict(verdict_on(JOBS, ledger.entries()))
    assert {name: verdict[name] for name in model(written)} == model(written)


def test_a_job_that_nobody_sent_is_named():
    assert verdict_on(["TL-1"], [line("START", "TL-9")]).wrong == ["TL-9: nobody sent it"]


def test_effects_may_come_from_what_keeps_them():
    verdict = verdict_on(["TL-1", "TL-2"], [line("EFFECT", "TL-1")] * 2, effects=["TL-2", "TL-2"])
    assert (verdict.effects_twice, verdict.effects) == (["TL-2"], 2)


def test_the_table_has_a_column_for_each_verdict_and_names_the_jobs():
    early = verdict_on({"TL-1": "5f0c81d2-e4", "TL-2": "77"}, [line("START", "TL-1")])
    late = verdict_on(
        ["TL-1", "TL-2"],
        [line(event, job) for job in ("TL-1", "TL-2", "TL-1") for event in ("START", "END")],
    )
    assert verdict_table({"early": early, "late": late}) == [
        "verdict                    early    late",
        "sent                           2       2",
        "started                        1       2",
        "finished                       0       2",
        "lost                           2       0",
        "started twice or more          0       1",
        "finished twice or more         0       1",
        "  early, lost: TL-1 (5f0c81d2), TL-2 (77)",
        "  late, started twice or more: TL-1",
        "  late, finished twice or more: TL-1",
    ]


def test_a_table_of_six_verdicts_fits_into_a_terminal():
    names = ["TERM", "TERM-soft", "QUIT", "QUIT-soft", "INT-INT", "INT-INT-soft"]
    table = verdict_table(dict.fromkeys(names, verdict_on(JOBS, [])), names=False)
    assert (
        table[0]
        == "verdict                 TERM  TERM-soft  QUIT  QUIT-soft  INT-INT  INT-INT-soft"
    )
    assert {len(line) for line in table} == {79}


def test_a_job_that_has_a_message_still_is_stuck_and_not_lost():
    verdict = verdict_on(JOBS[:3], [line("START", "TL-0")], with_a_message={"TL-0", "TL-1"})
    assert (verdict.stuck, verdict.lost) == (["TL-0", "TL-1"], ["TL-2"])
    assert verdict_table({"late": verdict}) == [
        "verdict                     late",
        "sent                           3",
        "started                        1",
        "finished                       0",
        "lost                           1",
        "stuck                          2",
        "started twice or more          0",
        "finished twice or more         0",
        "  late, lost: TL-2",
        "  late, stuck: TL-0, TL-1",
    ]


def test_a_job_that_was_done_is_not_stuck_though_its_message_is_there_again():
    done = [line("START", "TL-0"), line("END", "TL-0")]
    verdict = verdict_on(["TL-0"], done, with_a_message={"TL-0"})
    assert (verdict.stuck, verdict.lost) == ([], [])


@pytest.mark.parametrize("starts", [0, 1])
def test_what_is_not_possible_is_told_without_names_too_and_ends_the_lesson(starts):
    written = [line("START", "TL-1")] * starts + [line("END", "TL-1")] * (starts + 1)
    verdicts = {"key": verdict_on(["TL-1"], written)}
    said = f"TL-1: {starts + 1} END lines, {starts} START lines"
    assert verdict_table(verdicts, names=False)[-1] == f"  key, not possible: {said}"
    with pytest.raises(LabError, match=f"^error: the ledger of key holds what cannot be: {said}"):
        require_possible(verdicts)
    require_possible({"key": verdict_on(["TL-1"], [])})


def test_a_long_list_of_jobs_is_cut():
    jobs = [str(number) for number in range(10)]
    assert verdict_table({"all": verdict_on(jobs, [])})[-1].endswith("6, 7 and 2 more")
