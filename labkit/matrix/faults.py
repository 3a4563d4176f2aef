"""The faults of the matrix, each done to real processes."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from labkit.errors import LabError, in_shell
from labkit.matrix.cells import Cell
from labkit.own.broker import OwnBroker
from labkit.own.proxy import Proxy
from labkit.own.workers import Worker
from labkit.waiting import wait_until
from work.ledger import Ledger

NOTICE_S = 60  # a dead pool process is noticed within 5 s; the rest is for a busy machine


@dataclass(frozen=True)
class Stage:
    """What a fault can be done to."""

    cell: Cell
    broker: OwnBroker
    proxy: Proxy  # between the worker and the broker
    worker: Worker
    ledger: Ledger


def strike(stage: Stage) -> None:
    """Let the fault of the cell happen; it has been noticed when this returns.

    Raises LabError if it was not.
    """
    worker = stage.worker
    match stage.cell.fault:
        case "worker killed":
            worker.kill()
        case "broker restarted":  # when the worker has tried to come back to it
            stage.broker.stop()
            _wait(stage, lambda: not worker.running() or "Cannot connect to" in worker.logged())
            stage.broker.restart()
        case "connection cut":
            stage.proxy.reset()
        case "warm stop":
            _stop(stage, signal.SIGTERM)
        case "cold stop":
            _stop(stage, signal.SIGQUIT)
        case "child killed":  # the process of the pool that runs a job
            running = next(entry for entry in stage.ledger.entries() if entry.event == "START")
            psutil.Process(running.pid).kill()
            _wait(stage, lambda: "Worker exited prematurely" in worker.logged())


def _stop(stage: Stage, signal_number: int) -> None:
    if stage.worker.stop(signal_number, NOTICE_S) < 0:
        raise _not_noticed(stage)  # it was killed in the end


def _wait(stage: Stage, condition: Callable[[], bool]) -> None:
    if not wait_until(condition, NOTICE_S):
        raise _not_noticed(stage)


def _not_noticed(stage: Stage) -> LabError:
    return LabError(
        f"the worker did not react to: {stage.cell.fault}, in {NOTICE_S} s",
        f"tail {in_shell(stage.worker.log)}",
    )
