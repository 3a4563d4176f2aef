"""Measure one cell of the matrix, in a process of its own: python -m labkit.matrix.one_cell NUMBER

It prints one JSON line: {"counts": [lost, started twice, finished twice, stuck], "server": "..."}.
"""

import json
import signal
import sys
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import redis
from kombu.exceptions import OperationalError

from labkit.broker.queues import lengths, unacked_count
from labkit.broker.quiet import jobs_in_messages, wait_until_quiet
from labkit.errors import LabError, cannot_write
from labkit.lesson.verdict import verdict_on
from labkit.matrix.cells import (
    CELLS,
    JOBS,
    LONG_JOB_S,
    LONG_JOBS,
    PREFETCH,
    PREFETCH_MULTIPLIER,
    SHORT_JOB_S,
    SLOTS,
    VISIBILITY_S,
    Cell,
    Counts,
)
from labkit.matrix.faults import Stage, strike
from labkit.own.broker import OwnBroker, looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.proxy import proxy_to
from labkit.own.workers import WorkerLine, workers_of
from labkit.processes.signals import clean_up_on_signals
from labkit.waiting import wait_until
from work.ledger import Entry, Ledger

QUEUE = "matrix"
TASK = "tasks.advanced_tasks.delivery.print_ticket"  # labkit knows no tasks but by name
ORDERS = [f"TL-{number}" for number in range(1, JOBS + 1)]
TRANSPORT = looking_every_second(VISIBILITY_S)
FULL_S = 30  # until the worker is full; it takes 0.1 s
LATEST_S = LONG_JOB_S / 2  # later than this in its first job, a fault might meet its end
TRIES = 3  # for a machine so busy that the fault came too late
STUCK_S = 90  # what is not over by then never ends; the longest cell needs about 20 s


class TooLate(Exception):
    """The jobs that should run when the fault comes were near their end: nothing was measured."""


def measure(cell: Cell) -> tuple[Counts, str]:
    """Run a cell; return its counts, and the name of the server.  Raises LabError."""
    for _ in range(TRIES):
        try:
            return _measure_once(cell)
        except TooLate:
            continue
    raise LabError(
        f"this machine is too busy for {cell}: no fault came in time in {TRIES} tries",
        "uptime; ./lab matrix",
    )


def _measure_once(cell: Cell) -> tuple[Counts, str]:
    with (
        own_ledgers("matrix", cell.slug, repeat="./lab matrix") as (ledger,),
        own_broker(f"matrix-{cell.slug}") as broker,
        proxy_to(broker.address()) as proxy,
        ExitStack() as workers,
    ):
        line = WorkerLine(
            f"matrix-{cell.slug}",
            [QUEUE],
            [f"--concurrency={SLOTS}", f"--prefetch-multiplier={PREFETCH_MULTIPLIER}"],
            [transport_setting(TRANSPORT), *cell.settings()],
            {"REDIS_URL": proxy.url},
            show=False,
        )
        (worker,) = workers.enter_context(workers_of([line]))
        run = _Run(cell, ledger, broker)
        run.send()
        run.wait_until_full()
        struck_at = time.time()
        strike(Stage(cell, broker, proxy, worker, ledger))
        require_running(ledger.entries(), struck_at)
        if not worker.running():
            (worker,) = workers.enter_context(workers_of([line]))  # as a process manager would
        over = wait_until_quiet([run.client], [QUEUE], STUCK_S)
        stuck = set() if over else jobs_in_messages(run.client, [QUEUE], run.ids)
        workers.close()  # the last worker ends warmly: what it still runs is finished
        return count(ledger.entries(), stuck), broker.version


@dataclass
class _Run:
    """The jobs of one run, and where they are."""

    cell: Cell
    ledger: Ledger
    broker: OwnBroker

    def __post_init__(self) -> None:
        url = self.broker.address()
        # More patient than the lab's usual client: here nobody waits at a keyboard.
        self.client = redis.Redis.from_url(url, socket_timeout=20, decode_responses=True)
        self.ids: dict[str, str] = {}

    def send(self) -> None:
        """Send all jobs, the long ones first."""
        with self.broker.app(**TRANSPORT) as shop:
            for number, order in enumerate(ORDERS):
                self.ledger.note("SENT", order)
                seconds = LONG_JOB_S if number < LONG_JOBS else SHORT_JOB_S
                job = (self.ledger.run, order, seconds)
                self.ids[order] = shop.send_task(TASK, job, queue=QUEUE, ignore_result=True).id

    def wait_until_full(self) -> None:
        """Wait until every slot runs a job and the worker holds all messages that it may hold.

        Raises LabError if that does not come, and TooLate if it came too late.
        """
        if not wait_until(self._full, FULL_S):
            raise LabError(
                f"the worker of {self.cell} did not take its jobs in {FULL_S} s",
                "df -h; ./lab matrix",
            )
        first = min(entry.time for entry in self.ledger.entries() if entry.event == "START")
        if time.time() - first > LATEST_S:
            raise TooLate

    def _full(self) -> bool:
        # Under early acknowledgement a job that runs has no message any more.
        running_without = SLOTS if self.cell.acknowledgement == "early" else 0
        waiting = sum(lengths(self.client, [QUEUE])[QUEUE].values())
        held = unacked_count(self.client)
        events = [entry.event for entry in self.ledger.entries() if entry.event != "SENT"]
        right = (waiting, held) == (JOBS - PREFETCH - running_without, PREFETCH)
        return right and events == ["START"] * SLOTS


def require_running(entries: Iterable[Entry], struck_at: float) -> None:
    """Raise TooLate if a job that was to run when the fault came had ended before."""
    if any(entry.event == "END" and entry.time < struck_at for entry in entries):
        raise TooLate


def count(entries: Iterable[Entry], with_a_message: Collection[str]) -> Counts:
    """Count by the ledger.  Raises LabError if it holds what cannot be.

    with_a_message: the jobs whose message was still there when the run was given up.
    """
    verdict = verdict_on(ORDERS, entries, with_a_message=with_a_message)
    if verdict.wrong:
        raise LabError(f"the ledger holds what cannot be: {verdict.wrong[0]}", "./lab matrix")
    return Counts(
        lost=len(verdict.lost),
        started_twice=len(verdict.started_twice),
        finished_twice=len(verdict.finished_twice),
        stuck=len(verdict.stuck),
    )


def main(number: int) -> None:
    """Measure CELLS[number] and print the JSON line; a LabError goes to standard error."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    clean_up_on_signals()
    try:
        counts, server = measure(CELLS[number])
    except LabError as error:
        sys.exit(str(error))
    except (redis.RedisError, OperationalError) as error:
        sys.exit(str(LabError(f"the broker of {CELLS[number]} failed: {error}", "df -h")))
    except OSError as error:
        sys.exit(str(cannot_write(error)))
    print(json.dumps({"counts": counts, "server": server}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
