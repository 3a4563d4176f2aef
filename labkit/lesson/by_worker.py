"""Which worker did what, where several take from the same queues and write into one ledger."""

from collections.abc import Iterable

from labkit.own.workers import Worker
from work.ledger import Ledger


def began_at(ledger: Ledger, worker: Worker | None = None) -> list[float]:
    """When work began, in that order: seconds since 1970.

    worker: only its work.  A worker and its pool are one process group, which the ledger notes.
    """
    return [
        entry.time
        for entry in ledger.entries()
        if entry.event == "START" and (not worker or entry.group == worker.process.pid)
    ]


def who_began(ledger: Ledger, workers: Iterable[Worker]) -> dict[str, str]:
    """{job: the worker that began with it}, in the order of the beginnings.

    A worker's name comes without the host: lesson20-high.
    """
    names = {worker.process.pid: worker.name.partition("@")[0] for worker in workers}
    return {one.job: names[one.group] for one in ledger.entries() if one.event == "START"}
