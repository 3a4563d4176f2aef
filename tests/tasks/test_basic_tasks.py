"""The tasks of the basic level, called as plain functions, and the work behind them."""

import json
import os
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import basic_tasks
from tasks.basic_tasks import (
    add,
    ask_until_ready,
    daily_task,
    describe,
    divide,
    greet,
    multiply,
    nap,
    noted_nap,
    periodic_task,
    print_greeting,
    whoami,
    word_counts,
    word_counts_of_all,
)
from work import text
from work.folders import disk_use
from work.unreliable import NotYet, answer

# -- Sums and words --------------------------------------------------------------------------


def test_the_sums_are_right():
    assert (add(4, 5), multiply(4, 5), divide(6, 3)) == (9, 20, 2.0)


def test_dividing_by_zero_is_the_task_that_fails_on_demand():
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        divide(1, 0)


def test_words_are_counted_in_lower_case_most_frequent_first():
    assert next(iter(word_counts("The cat and THE dog").items())) == ("the", 2)


def test_an_empty_document_has_no_words():
    assert word_counts(" \n ") == {}


@given(st.lists(st.text()))
def test_counting_documents_together_is_counting_their_sum(documents):
    counted = text.word_counts_of_all(documents, report=lambda _done, _total: None)
    assert counted == text.word_counts(" ".join(documents))


def test_progress_is_reported_as_a_state_before_the_first_and_after_each_document(monkeypatch):
    reported = []
    monkeypatch.setattr(
        word_counts_of_all,
        "update_state",
        lambda state, meta: reported.append((state, meta)),
    )
    result = word_counts_of_all.apply(args=(["to be", "or not"],))  # in this process
    assert result.get() == {"to": 1, "be": 1, "or": 1, "not": 1}
    assert reported == [("PROGRESS", {"done": done, "total": 2}) for done in (0, 1, 2)]


def test_called_as_a_function_it_counts_and_reports_nothing(monkeypatch):
    monkeypatch.setattr(word_counts_of_all, "update_state", None)  # calling it would fail
    assert word_counts_of_all(["to be", "to"]) == {"to": 2, "be": 1}


# -- Naps and the ledger ---------------------------------------------------------------------


def test_a_nap_lasts_as_long_as_it_says():
    assert 0.05 <= nap(0.05) < 5


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("seconds", nap),
        ("seconds", lambda bad: noted_nap("run", "job", bad)),
        ("pause_s", lambda bad: word_counts_of_all(["to be"], bad)),
        ("wait_s", lambda bad: ask_until_ready(1, bad)),
    ],
    ids=["nap", "noted nap", "pause", "wait"],
)
@pytest.mark.parametrize("bad", [-1, 61, float("nan"), float("inf"), "5", None])
def test_a_time_of_no_sensible_length_is_refused_and_not_noted(ledger, name, call, bad):
    with pytest.raises(ValueError, match=rf"^{name} must be 0 to 60, got "):
        call(bad)
    assert ledger.entries() == []


def test_a_noted_nap_writes_who_started_and_ended_it(ledger):
    noted_nap("run", "job", 0)
    entries = ledger.entries()
    assert [(entry.event, entry.job) for entry in entries] == [("START", "job"), ("END", "job")]
    assert {(entry.pid, entry.group) for entry in entries} == {(os.getpid(), os.getpgrp())}


def test_the_jobs_of_one_event_come_in_the_order_of_writing(ledger):
    for event, job in [("START", "b"), ("END", "b"), ("START", "a"), ("START", "b")]:
        ledger.note(event, job)
    assert ledger.jobs("START") == ["b", "a", "b"]


def test_a_job_that_was_never_noted_is_not_found(ledger):
    assert ledger.find("END", "job") is None
    ledger.note("START", "job")
    assert ledger.find("END", "job") is None
    assert ledger.find("START", "job") is not None


def test_a_removed_ledger_is_gone_and_may_be_removed_again(ledger):
    ledger.note("START", "job")
    ledger.remove()
    ledger.remove()
    assert list(ledger.path.parent.iterdir()) == []


@pytest.mark.parametrize("run", ["", "../run", "a/b", ".hidden", "a b", "a\n", "7"])
def test_a_run_that_is_no_plain_name_is_refused(files, run):
    with pytest.raises(ValueError, match=r"^run must be letters, digits"):
        noted_nap(run, "job", 0)
    assert list(files.rglob("*")) == []


# -- Trying again ----------------------------------------------------------------------------


def test_the_service_answers_at_the_attempt_it_was_told():
    with pytest.raises(NotYet, match="not ready at attempt 2"):
        answer(attempt=2, ready_at=3)
    assert answer(attempt=3, ready_at=3) == "answered at attempt 3"


def test_the_service_refuses_attempts_below_one():
    with pytest.raises(ValueError, match=r"^ready_at must be 1 or more, got 0$"):
        ask_until_ready(0)


def test_a_task_that_is_asked_too_early_tries_again():
    result = ask_until_ready.apply(args=(3,), kwargs={"wait_s": 0})  # in this process
    assert result.get() == "answered at attempt 3"


def test_a_task_that_is_always_too_early_gives_up_after_ten_attempts():
    result = ask_until_ready.apply(args=(99,), kwargs={"wait_s": 0})
    with pytest.raises(NotYet, match=r"^not ready at attempt 10$"):
        result.get()


# -- Who, when, and how much -----------------------------------------------------------------


def test_called_as_a_function_there_is_no_worker_and_no_queue():
    assert whoami() == {"pid": os.getpid(), "worker": None, "queue": None}


def test_a_greeting_is_logged_and_returned(caplog):
    with caplog.at_level("INFO", logger=basic_tasks.logger.name):
        assert greet("欢迎") == "hello, 欢迎"
    assert "hello, 欢迎" in caplog.text


def test_a_printed_greeting_is_the_same_and_not_logged(caplog, capsys):
    assert print_greeting("Bob") == greet("Bob")
    assert capsys.readouterr().out == "hello, Bob\n"
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((1, 2), "tuple (1, 2)"),
        ([1, 2], "list [1, 2]"),
        ({1: "one"}, "dict {1: 'one'}"),
        (None, "NoneType None"),
    ],
)
def test_a_value_is_described_by_its_type_and_itself(value, words):
    assert describe(value) == words


def test_the_periodic_task_tells_the_time_and_counts_the_files(files):
    (files / "a").write_text("a")
    before = datetime.now(UTC).replace(microsecond=0)
    result = periodic_task()
    assert before <= datetime.fromisoformat(result["time"]) <= datetime.now(UTC)
    assert result["files"] == 1


def test_the_daily_task_measures_the_files(files):
    (files / "folder").mkdir()
    (files / "folder" / "a").write_bytes(b"12345")
    result = daily_task()
    assert (result["files"], result["size_bytes"]) == (1, 5)
    assert date.fromisoformat(result["date"])
    assert result["free_bytes"] > 0


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path):
    use = disk_use(tmp_path / "no" / "such")
    assert (use["files"], use["size_bytes"]) == (0, 0)
    assert use["free_bytes"] > 0


def test_links_are_not_counted(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").write_bytes(b"123")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    assert disk_use(tmp_path / "inside")["files"] == 0


def test_everything_a_basic_task_returns_can_travel_as_json(files):
    for value in (word_counts("a"), whoami(), periodic_task(), daily_task(), greet("Ada")):
        assert json.loads(json.dumps(value)) == value
