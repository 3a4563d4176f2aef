"""A fleet catches a worker in the middle of a task, and counts what each release has done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from labkit.errors import LabError
from labkit.lesson import fleet as module
from labkit.lesson.fleet import Fleet
from labkit.own.broker import OwnBroker
from labkit.own.shop import open_many, own_shop
from labkit.own.workers import Worker, WorkerLine
from tasks.realworld_tasks import issue_ticket
from work.database.engine import writing
from work.database.schema import orders
from work.ledger import Delivery, Ledger

WORKER = "lesson74-kill1@vm"


class StandInWorker:
    """Notes what was done to it; when it is let go it begins a task."""

    name = WORKER

    def __init__(self, goes_on: Callable[[], None]) -> None:
        self.done: list[str] = []
        self._goes_on = goes_on

    def hold(self) -> None:
        self.done.append("hold")

    def go_on(self) -> None:
        self.done.append("go on")
        self._goes_on()


def fleet_with(worker: StandInWorker, ledger: Ledger) -> Fleet:
    line = WorkerLine("", [])
    fleet = Fleet("lesson74", ["kill"], line, broker=cast("OwnBroker", None), ledger=ledger)
    fleet._workers["kill", 1] = cast("Worker", worker)
    return fleet


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path, "run", Delivery(worker=WORKER))
    ledger.create()
    return ledger


def test_what_a_release_has_ended_is_counted_for_each_group(ledger):
    for job in ("term-1 issue_ticket release 1", "kill-1 issue_ticket release 1"):
        ledger.note("END", job)
    ledger.note("END", "kill-2 issue_ticket release 2")
    ledger.note("START", "kill-3 issue_ticket")
    fleet = fleet_with(StandInWorker(lambda: None), ledger)
    assert [fleet.ended("kill", release) for release in ("release 1", "release 2")] == [1, 1]


def test_a_worker_is_held_again_and_again_until_it_is_caught_at_work(ledger):
    worker = StandInWorker(lambda: ledger.note("START", "kill-1 issue_ticket"))
    fleet_with(worker, ledger).held_at_work("kill", 1)
    assert worker.done == ["hold", "go on", "hold"]


def test_a_worker_without_work_is_not_left_on_hold(ledger, monkeypatch):
    monkeypatch.setattr(module, "AT_WORK_S", 0.1)
    worker = StandInWorker(lambda: None)
    with pytest.raises(LabError, match="got no task"):
        fleet_with(worker, ledger).held_at_work("kill", 1)
    assert worker.done[-1] == "go on"


def test_an_outbox_is_read_until_no_order_is_unfinished():
    with own_shop("test-fleet") as shop:
        open_many(shop.engine, ["one", "two"], task=issue_ticket.name)

        def send(_task: str, arguments: list) -> Any:
            with writing(shop.engine) as database:
                database.execute(
                    orders.update().values(state="mailed").where(orders.c.id == arguments[0])
                )

        assert shop.read_outbox(send, again_after_s=60) == ["one", "two"]
