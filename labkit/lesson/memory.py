"""How much memory the processes of a worker's pool hold while they work."""

from collections.abc import Iterable, Mapping
from typing import Any

import psutil

from labkit.own.workers import Worker
from labkit.processes.usage import peak_mb, resident_mb


class PoolMemory:
    """The pool of a worker that has done nothing yet; all numbers are of its largest process."""

    def __init__(self, worker: Worker) -> None:
        self.processes = psutil.Process(worker.process.pid).children()
        self.idle_mb = max(resident_mb(one.pid) for one in self.processes)
        self.most_mb = self.idle_mb

    def look(self) -> float:
        """The most that a process has held so far, in MB.

        On Linux nothing is missed between two looks; elsewhere look often.
        """
        self.most_mb = max(self.most_mb, *(peak_mb(one.pid) for one in self.processes))
        return self.most_mb


def by_process(returned: Iterable[Mapping[str, Any]], key: str) -> list[list[Any]]:
    """One value of what each job returned; a list for each process, in the order of their firsts.

    returned: in the order of the jobs, each with the "pid" of its process.

    >>> jobs = [{"pid": 7, "mb": 90}, {"pid": 8, "mb": 95}, {"pid": 7, "mb": 110}]
    >>> by_process(jobs, "mb")
    [[90, 110], [95]]
    """
    found: dict[int, list[Any]] = {}
    for one in returned:
        found.setdefault(one["pid"], []).append(one[key])
    return list(found.values())
