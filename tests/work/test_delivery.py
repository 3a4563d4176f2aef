"""Charges with and without an idempotency key, and the tasks around them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.advanced_tasks import delivery
from work.orders.charges import Charges


@pytest.fixture
def charges(files, monkeypatch):
    """The charges of the run called run, among the files of one test."""
    monkeypatch.setattr(delivery, "RECEIPT_S", 0)
    made = Charges(files / "charges", "run")
    made.create()
    return made


@settings(deadline=None, max_examples=25)  # a disk may be slow
@given(orders=st.lists(st.sampled_from(["TL-1", "TL-2", "TL-3"]), max_size=12))
def test_with_a_key_each_order_is_charged_once_in_the_order_of_asking(orders, tmp_path_factory):
    charges = Charges(tmp_path_factory.mktemp("charges"), "run")
    charges.create()
    answers = [charges.charge_once(f"pay-{order}", order, 1) for order in orders]
    assert charges.orders() == list(dict.fromkeys(orders))
    assert answers == [order not in orders[:place] for place, order in enumerate(orders)]


def test_of_many_that_ask_in_the_same_moment_one_charges(charges):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: charges.charge_once("pay-TL-1", "TL-1", 1), range(40)))
    assert answers.count(True) == 1
    assert charges.orders() == ["TL-1"]


def test_the_task_charges_once_and_its_broken_twin_each_time_and_each_charge_is_noted(
    charges, ledger
):
    assert [delivery.charge_order("run", "TL-1", 100) for _ in range(3)] == [True, False, False]
    assert [delivery.charge_order_carelessly("run", "TL-2", 100) for _ in range(2)] == [True, True]
    effects = [entry.job for entry in ledger.entries() if entry.event == "EFFECT"]
    assert effects == charges.orders() == ["TL-1", "TL-2", "TL-2"]


@pytest.mark.parametrize("task", [delivery.charge_order, delivery.charge_order_carelessly])
@pytest.mark.parametrize("amount", [-1, 1.5, "9900", None])
def test_what_is_no_amount_is_neither_charged_nor_noted(charges, ledger, task, amount):
    with pytest.raises(ValueError, match=r"^amount_cents must be a whole number"):
        task("run", "TL-1", amount)
    assert charges.orders() == []
    assert [entry.event for entry in ledger.entries()] == ["START"]


def test_a_removed_database_is_gone(charges):
    charges.remove()
    assert list(charges.path.parent.iterdir()) == []


def test_a_ticket_notes_its_beginning_and_its_end(ledger):
    delivery.print_ticket("run", "TL-1", 0)
    noted = [(entry.event, entry.job) for entry in ledger.entries()]
    assert noted == [("START", "TL-1"), ("END", "TL-1")]


def test_a_lost_ticket_is_retried_soon_and_not_without_end():
    for task in (delivery.print_ticket, delivery.print_ticket_retried):
        assert (task.max_retries, task.default_retry_delay) == (2, 1)


def test_a_task_whose_message_is_to_go_back_is_acknowledged_late():
    task = delivery.print_ticket_requeued
    assert (task.acks_late, task.reject_on_worker_lost) == (True, True)


def test_the_late_twin_is_acknowledged_late_without_any_setting():
    assert delivery.print_ticket_late.acks_late
    assert not delivery.print_ticket.acks_late
