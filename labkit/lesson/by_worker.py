"""Which worker did what, where several take from the same queues and write into one ledger."""

from collections.abc import Sequence

from labkit.own.workers import Worker
from work.ledger import Ledger


def began_at(ledger: Ledger, worker: Worker | None = None) -> list[float]:
    """When work began, only a worker's if one is named, in that order: seconds since 1970."""
    begun = (entry for entry in ledger.entries() if entry.event == "START")
    return [entry.time for entry in begun if not worker or worker.wrote(entry)]


def who_began(ledger: Ledger, workers: Sequence[Worker]) -> dict[str, str]:
    """{job: the short name of the worker that began with it}, in the order of the beginnings."""
    begun = [entry for entry in ledger.entries() if entry.event == "START"]
    return {one.job: by.short_name for one in begun for by in workers if by.wrote(one)}
