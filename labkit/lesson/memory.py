"""How much memory the processes of a worker's pool hold while they work."""

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
