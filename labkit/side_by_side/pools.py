"""What the same jobs cost in a worker's pool, and in plain Python."""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery.canvas import Signature

from labkit.lesson.setup import Setup
from labkit.lesson.state_reports import state_reports
from labkit.processes.identity import ProcessId
from labkit.processes.start import child_environment
from labkit.processes.usage import cpu_seconds, memory_mb

TIMEOUT_S = 60  # no job of a lesson takes 3 s; the rest is room for a busy machine
HAS_GEVENT = importlib.util.find_spec("gevent") is not None
_HAS_PIP = importlib.util.find_spec("pip") is not None  # an environment that uv made has none
_INSTALL = ".venv/bin/python -m pip install" if _HAS_PIP else "uv pip install --python .venv"
NO_GEVENT = f"gevent is not installed: {_INSTALL} 'gevent>=25' adds it"


@dataclass(frozen=True)
class Cost:
    """What jobs that wait, and then jobs that compute, cost in one way to run them."""

    wait_s: float
    compute_s: float
    pids: frozenset[int]  # the processes that computed
    cpu_s: float  # processor time, for computing
    memory_mb: float

    @property
    def cores(self) -> float:
        """Processor time used in each second of computing."""
        return self.cpu_s / self.compute_s

    def cells(self) -> list[str]:
        """Its cells in a table: seconds to wait and to compute, processes, cores, memory."""
        seconds = [f"{self.wait_s:.2f} s", f"{self.compute_s:.2f} s"]
        return [*seconds, str(len(self.pids)), f"{self.cores:.1f}", f"{self.memory_mb:.0f} MB"]


def cost_in_worker(one: Setup, waiting: Signature, computing: Signature) -> Cost:
    """Run two groups of tasks on a worker, one after the other."""
    start = time.monotonic()
    wait_for_each(waiting.apply_async(queue=one.queue))
    wait_s = time.monotonic() - start

    worker = one.worker.identity
    with state_reports() as reports:
        start, cpu_before_s = time.monotonic(), cpu_seconds(worker)
        computed: Any = computing.apply_async(queue=one.queue)
        wait_for_each(computed)
        compute_s = time.monotonic() - start
        cpu_s = cpu_seconds(worker) - cpu_before_s
        pids = frozenset(reports.who_started(result.id)[0] for result in computed.results)
    return Cost(wait_s, compute_s, pids, cpu_s, memory_mb(worker))


def wait_for_each(results: Any) -> None:
    """Wait for the results of a group, one after the other.

    GroupResult.get() looks twice a second: too seldom for what is measured here.
    """
    for result in results:
        result.get(timeout=TIMEOUT_S)


def cost_in_plain_python(script: Path, arguments: Sequence[object]) -> Cost:
    """Run both kinds of jobs in a script of their own, and measure its memory while it is there.

    The script prints {"wait_s": ..., "compute_s": ..., "cpu_s": ..., "pids": [...]} as JSON, and
    stays until its input is closed.
    """
    with subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(),
        text=True,
        start_new_session=True,  # it leads a process group: itself and what it starts
    ) as running:
        its_input: Any = running.stdin
        its_output: Any = running.stdout
        try:
            measured = json.loads(its_output.readline())
            memory = memory_mb(ProcessId.of(running.pid))
        finally:
            its_input.close()
    return Cost(pids=frozenset(measured.pop("pids")), memory_mb=memory, **measured)
