"""The faults of the matrix, each done to real processes."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from labkit.errors import LabError, in_shell
from labkit.matrix.cells import Cell, Fault
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
    _STRIKES[stage.cell.fault](stage)


def _worker_killed(stage: Stage) -> None:
    """Kill -9 the worker and its pool."""
    stage.worker.kill()


def _broker_restarted(stage: Stage) -> None:
    """Stop the broker, and start it with its data when the worker has tried to come back to it."""
    stage.broker.stop()
    _wait(stage, lambda: _ended(stage) or _says(stage, "Cannot connect to"))
    stage.broker.restart()


def _connection_cut(stage: Stage) -> None:
    """Reset all connections of the worker; new ones work at once."""
    stage.proxy.reset()


def _warm_stop(stage: Stage) -> None:
    _stop(stage, signal.SIGTERM)


def _cold_stop(stage: Stage) -> None:
    _stop(stage, signal.SIGQUIT)


def _stop(stage: Stage, signal_number: int) -> None:
    if stage.worker.stop(signal_number, NOTICE_S) < 0:
        raise _not_noticed(stage)  # it was killed in the end


def _child_killed(stage: Stage) -> None:
    """Kill -9 one process of the pool, the one that runs a job."""
    running = next(entry for entry in stage.ledger.entries() if entry.event == "START")
    psutil.Process(running.pid).kill()
    _wait(stage, lambda: _says(stage, "Worker exited prematurely"))


_STRIKES: dict[Fault, Callable[[Stage], None]] = {
    "worker killed": _worker_killed,
    "broker restarted": _broker_restarted,
    "connection cut": _connection_cut,
    "warm stop": _warm_stop,
    "cold stop": _cold_stop,
    "child killed": _child_killed,
}


def _ended(stage: Stage) -> bool:
    return stage.worker.process.poll() is not None


def _says(stage: Stage, text: str) -> bool:
    return text in stage.worker.log.read_text(errors="replace")


def _wait(stage: Stage, condition: Callable[[], bool]) -> None:
    if not wait_until(condition, NOTICE_S):
        raise _not_noticed(stage)


def _not_noticed(stage: Stage) -> LabError:
    return LabError(
        f"the worker did not react to: {stage.cell.fault}, in {NOTICE_S} s",
        f"tail {in_shell(stage.worker.log)}",
    )
