"""The tasks of lessons 20 to 28, called as plain functions, and the work behind them."""

import asyncio
import inspect

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st

from labkit.own import ledgers as own_ledgers_module
from labkit.own.ledgers import own_ledgers
from tasks.advanced_tasks import (
    answer_question,
    ask_airline_async,
    ask_all_airlines,
    confirm_seats,
    get_approval,
    import_fares,
    import_fares_carelessly,
    refund_seats,
    report_sales,
    search_connections,
)
from work import service_desk
from work.flights import connections, fares, offers, offers_async

ON_BOOKINGS = [answer_question, confirm_seats, get_approval, refund_seats, report_sales]
IMPORTS = [import_fares, import_fares_carelessly]


@pytest.fixture(autouse=True)
def rows_come_without_a_wait(monkeypatch):
    monkeypatch.setattr(fares, "ROW_S", 0)


def events(ledger):
    return [(entry.event, entry.job) for entry in ledger.entries()]


# -- The desk --------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [answer_question, confirm_seats, refund_seats, report_sales])
def test_work_on_a_booking_stands_in_the_ledger(ledger, task):
    assert task("run", "OSL-101") >= 0
    assert events(ledger) == [("START", "OSL-101"), ("END", "OSL-101")]


def test_an_approval_that_is_there_already_is_enough(ledger):
    ledger.note("APPROVED", "OSL-101")
    assert get_approval("run", "OSL-101") < 1
    assert ("END", "OSL-101") in events(ledger)


def test_nobody_waits_for_an_approval_for_ever(ledger):
    ledger.note("APPROVED", "OSL-102")
    with pytest.raises(service_desk.NotApproved, match=r"^nobody approved OSL-101 in 0 s$"):
        service_desk.wait_for_approval(ledger, "OSL-101", timeout_s=0)
    assert ("END", "OSL-101") not in events(ledger)


@pytest.mark.parametrize("task", ON_BOOKINGS)
@pytest.mark.parametrize("booking", ["osl-1", "OSL", "OSL-", "OSL-1234567", "OSL-1\n", "", None, 5])
def test_what_is_no_reference_is_refused_before_anything_is_done(files, task, booking):
    with pytest.raises(ValueError, match=r"^booking must be a reference such as OSL-101, got "):
        task("run", booking)
    assert not (files / "ledgers").exists()


@pytest.mark.parametrize("seconds", [-1, 61, "1", None, float("nan")])
def test_a_time_that_cannot_be_is_refused_before_anything_is_done(files, seconds):
    with pytest.raises(ValueError, match=r"^seconds must be 0 to 60, got "):
        report_sales("run", "OSL-101", seconds)
    assert not (files / "ledgers").exists()


@pytest.mark.parametrize("task", [*ON_BOOKINGS, *IMPORTS])
@pytest.mark.parametrize("run", ["../run", "", "run\n", 5, None, ["run"]])
def test_what_is_no_name_of_a_ledger_is_refused(files, task, run):
    arguments = ("tern", 5) if task in IMPORTS else ("OSL-101",)
    with pytest.raises(ValueError, match=r"^run must be letters"):
        task(run, *arguments)


# -- Limits ----------------------------------------------------------------------------------


def test_the_limits_stand_at_the_tasks():
    assert confirm_seats.rate_limit == "1/s"
    assert [(task.soft_time_limit, task.time_limit) for task in IMPORTS] == [(1, 2), (1, 2)]


@pytest.mark.parametrize("task", IMPORTS)
def test_an_import_that_is_not_stopped_leaves_every_row(files, ledger, task):
    assert task("run", "tern", 5) == 5
    assert fares.rows_in(files / "fares" / "run-tern.csv") == 5
    assert [event for event, _ in events(ledger)] == ["START", "END"]


@pytest.mark.parametrize("task", IMPORTS)
@pytest.mark.parametrize("partner", ["", "Tern", "../tern", "t" * 21, 5, None])
def test_a_partner_that_is_no_name_of_a_file_is_refused(files, task, partner):
    with pytest.raises(ValueError, match=r"^partner must be 1 to 20 letters, a to z, got "):
        task("run", partner, 5)
    assert not (files / "fares").exists()


@pytest.mark.parametrize("task", IMPORTS)
@pytest.mark.parametrize("rows", [0, 1001, -1, "5", 2.0, True, None])
def test_a_number_of_rows_that_cannot_be_is_refused(files, task, rows):
    with pytest.raises(ValueError, match=r"^rows must be 1 to 1000, got "):
        task("run", "tern", rows)
    assert not (files / "fares").exists()


def limit_comes_in_row(number, monkeypatch):
    """Let the soft limit come in the middle of one row, as a worker would raise it."""
    append_row = fares.append_row

    def interrupted(file, row, *rest):
        if row == number:
            raise SoftTimeLimitExceeded
        append_row(file, row, *rest)

    monkeypatch.setattr(fares, "append_row", interrupted)


def test_at_the_soft_limit_half_a_file_is_removed(files, ledger, monkeypatch):
    limit_comes_in_row(3, monkeypatch)
    with pytest.raises(SoftTimeLimitExceeded):
        import_fares("run", "tern", 5)
    assert not (files / "fares" / "run-tern.csv").exists()
    assert [event for event, _ in events(ledger)] == ["START"]


def test_the_careless_import_still_takes_the_soft_limit_for_a_bad_row(files, monkeypatch):
    limit_comes_in_row(3, monkeypatch)
    assert import_fares_carelessly("run", "tern", 5) == 5
    assert fares.rows_in(files / "fares" / "run-tern.csv") == 4


# -- Pools -----------------------------------------------------------------------------------


@given(st.integers(1, 3000))
def test_a_search_finds_the_first_of_the_best(steps):
    prices = [number * 7919 % 104729 for number in range(steps)]
    assert connections.search(steps) == prices.index(max(prices))


@pytest.mark.parametrize("steps", [0, -5, 100_000_001, "7", 1.5, True, None])
def test_a_number_of_steps_that_cannot_be_is_refused(steps):
    with pytest.raises(ValueError, match=r"^steps must be 1 to 100000000, got "):
        search_connections(steps)


@given(st.lists(st.sampled_from(list(offers.PRICES_CENTS)), max_size=6))
def test_answers_come_in_the_order_of_the_airlines(airlines):
    expected = [offers.ask(airline, 0) for airline in airlines]
    assert ask_all_airlines(airlines, 0) == expected


@pytest.mark.parametrize(
    ("airlines", "seconds", "sentence"),
    [
        (["eagle"], 0, "^airline must be one of heron"),
        (["swift"], 61, "^answer_after_s must be 0 to 60, got 61$"),
        ([], "1", "^answer_after_s must be 0 to 60, got '1'$"),
        (5, 0, "^airlines must be a list of names, got 5$"),
        ({}, 0, "^airlines must be a list of names, got {}$"),
        ("swift", 0, "^airlines must be a list of names, got 'swift'$"),
    ],
)
def test_asking_with_wrong_arguments_is_refused(airlines, seconds, sentence):
    with pytest.raises(ValueError, match=sentence):
        ask_all_airlines(airlines, seconds)


def test_four_airlines_are_waited_for_at_the_same_time(monkeypatch):
    all_four = asyncio.Barrier(4)  # lets nobody go on before four are there

    async def sleep(_seconds):
        await asyncio.wait_for(all_four.wait(), timeout=10)

    monkeypatch.setattr(offers_async.asyncio, "sleep", sleep)
    assert len(ask_all_airlines(list(offers.PRICES_CENTS), 1)) == 4


def test_the_async_task_still_returns_a_coroutine_that_nobody_awaits():
    returned = ask_airline_async("swift", 0)
    assert inspect.iscoroutine(returned)
    returned.close()


# -- Ledgers of a lesson's own ---------------------------------------------------------------


def test_the_ledgers_of_a_lesson_are_gone_when_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(own_ledgers_module, "LAB_FILES", tmp_path)
    with pytest.raises(KeyboardInterrupt), own_ledgers("lesson99", "one", "two") as ledgers:
        for ledger in ledgers:
            ledger.note("START", "job")
        assert len(list((tmp_path / "ledgers").iterdir())) == 2
        raise KeyboardInterrupt
    assert list((tmp_path / "ledgers").iterdir()) == []
