"""Pools: processes, threads, gevent or solo, beside plain Python, for two kinds of work.

A worker's pool is what runs its tasks, and the right one depends on the work.  Here four jobs wait
for an airline's answer, and four compute.  They run in each of Celery's pools, and in plain
threads, asyncio and processes, without a worker and a broker (plain_pools.py, beside this file).

Threads, gevent and asyncio can wait for many things at once, but inside one process Python computes
one thing at a time.  Processes compute side by side, on as many cores as there are, and each of
them takes memory.  The column "cores" is the processor time used in each second of computing.

Then a question that everybody asks: may a task be `async def`?

The tasks are `ask_airline` in tasks/advanced_tasks/offers.py, and three in
tasks/advanced_tasks/pools.py.

    ./lab run 28        # about 17 s

Watch: http://localhost:5555/workers shows a worker for each pool.

You should see:

    $ ./start_worker.sh -n lesson28-prefork@%h --queues=lesson28.prefork --concurrency=4 --pool=...
    $ ./start_worker.sh -n lesson28-threads@%h --queues=lesson28.threads --concurrency=4 --pool=...
    $ ./start_worker.sh -n lesson28-solo@%h --queues=lesson28.solo --concurrency=4 --pool=solo
    ...gevent...
    4 jobs each      wait    compute  processes  cores  memory
    Celery prefork   ... s  ... s   4          ...    ... MB
    Celery threads   ... s  ... s   1          ...    ... MB
    Celery solo      ... s  ... s   1          ...    ... MB
    Celery gevent    ...
    plain threads    ... s  ... s   1          ...    ... MB
    plain asyncio    ... s  ... s   1          ...    ... MB
    plain processes  ... s  ... s   4          ...    ... MB
                     what it gives up
    Celery prefork   memory: a process for each slot
    Celery threads   other cores; time limits, terminate
    Celery solo      a second slot; answers while it works
    Celery gevent    soft limit; one that computes stops all
    plain threads    other cores; all work when it ends
    plain asyncio    the same, and code that is not async
    plain processes  all work when it ends
    true: solo waited for one answer after the other, all others for four at once
    true: prefork and plain processes computed in four processes, the others in one
    true: one process never used more than one core
    an async def task: FAILURE EncodeError(...type coroutine is not JSON serializable...)
    asyncio.run() inside a task: four airlines answered in ... s
    true: Celery calls a task, and awaits nothing
    true: inside a task asyncio can wait for four at once

Try next.  Guess first:
  1. Write AIRLINES = [...] * 2.  Which rows need twice as long to wait, and which one does not?
  2. Let ask() in work/flights/offers_async.py wait by time.sleep().  What becomes of plain asyncio?
  3. Set STEPS to 30_000_000.  Which two ways come out ahead, and by how much?  (It takes about a
     minute, on an idle machine.)
"""

import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from labkit.own.queues import own_queues
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.processes.identity import ProcessId
from labkit.processes.start import child_environment
from labkit.processes.usage import cpu_seconds, memory_mb
from tasks.advanced_tasks import (
    ask_airline,
    ask_airline_async,
    ask_all_airlines,
    search_connections,
)

AIRLINES = ["heron", "swift", "tern", "wren"]  # a job for each: four that wait, four that compute
SLOTS = 4
WAIT_S = 0.5
STEPS = 3_000_000  # about 0.2 s of computing
TIMEOUT_S = 60  # nothing here takes 3 s; the rest is room for a busy machine
GIVES_UP = {
    "prefork": "memory: a process for each slot",
    "threads": "other cores; time limits, terminate",
    "solo": "a second slot; answers while it works",
    "gevent": "soft limit; one that computes stops all",
    "plain threads": "other cores; all work when it ends",
    "plain asyncio": "the same, and code that is not async",
    "plain processes": "all work when it ends",
}
HAS_GEVENT = importlib.util.find_spec("gevent") is not None
HAS_PIP = importlib.util.find_spec("pip") is not None  # an environment that uv made has none
INSTALL = ".venv/bin/python -m pip install" if HAS_PIP else "uv pip install --python .venv"
NO_GEVENT = f"gevent is not installed: {INSTALL} 'gevent>=25' adds it"
PLAIN = Path(__file__).with_name("plain_pools.py")


@dataclass(frozen=True)
class Cost:
    """What the jobs cost in one way; pids: the processes that computed, cpu_s: for computing."""

    wait_s: float
    compute_s: float
    pids: set[int]
    cpu_s: float
    memory_mb: float

    def row(self) -> str:
        cores = self.cpu_s / self.compute_s
        return (
            f"{self.wait_s:4.2f} s  {self.compute_s:4.2f} s   {len(self.pids):<9}  {cores:<5.1f}  "
            f"{self.memory_mb:3.0f} MB"
        )


def main() -> None:
    pools = ["prefork", "threads", "solo", *(["gevent"] if HAS_GEVENT else [])]
    queues = {pool: f"lesson28.{pool}" for pool in pools}
    lines = [
        WorkerLine(f"lesson28-{pool}", [queue], [f"--concurrency={SLOTS}", f"--pool={pool}"])
        for pool, queue in queues.items()
    ]
    costs = {}
    with own_queues(*queues.values()), workers_of(lines) as workers:
        if not HAS_GEVENT:
            print(NO_GEVENT)
        for pool, worker in zip(pools, workers, strict=True):
            costs[pool] = in_worker(worker, queues[pool])
        for way in ("threads", "asyncio", "processes"):
            costs[f"plain {way}"] = in_plain_python(way)
        show(costs)
        async_tasks(queues["threads"])


def in_worker(worker: Worker, queue: str) -> Cost:
    """Run both kinds of jobs on one worker."""
    start = time.monotonic()
    waiting = [ask_airline.apply_async((airline, WAIT_S), queue=queue) for airline in AIRLINES]
    for result in waiting:
        result.get(timeout=TIMEOUT_S)
    wait_s = time.monotonic() - start

    cpu_before_s, start = cpu_seconds(worker.identity), time.monotonic()
    with state_reports() as reports:
        computing = [search_connections.apply_async((STEPS,), queue=queue) for _ in AIRLINES]
        for result in computing:
            result.get(timeout=TIMEOUT_S)
        compute_s = time.monotonic() - start
        cpu_s = cpu_seconds(worker.identity) - cpu_before_s
        pids = {reports.who_started(result.id)[0] for result in computing}
    return Cost(wait_s, compute_s, pids, cpu_s, memory_mb(worker.identity))


def in_plain_python(way: str) -> Cost:
    """Run both kinds of jobs in a script of their own, and measure its memory while it is there."""
    with subprocess.Popen(
        [sys.executable, PLAIN, way, str(SLOTS), str(WAIT_S), str(STEPS), *AIRLINES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=child_environment(),
        text=True,
        start_new_session=True,  # it leads a process group: itself and what it starts
    ) as script:
        identity = ProcessId.of(script.pid)
        try:
            measured = json.loads(script.stdout.readline())
            memory = memory_mb(identity)
        finally:
            script.stdin.close()
    return Cost(
        measured["wait_s"], measured["compute_s"], set(measured["pids"]), measured["cpu_s"], memory
    )


def show(costs: dict[str, Cost]) -> None:
    heading = f"{len(AIRLINES)} jobs each"
    print(f"{heading:<17}wait    compute  processes  cores  memory")
    names = {way: way if way.startswith("plain") else f"Celery {way}" for way in GIVES_UP}
    for way, name in names.items():
        print(f"{name:<17}{costs[way].row() if way in costs else 'not installed'}")
    print(f"{'':<17}what it gives up")
    for way, name in names.items():
        print(f"{name:<17}{GIVES_UP[way]}")
    in_four = {way for way, cost in costs.items() if len(cost.pids) == SLOTS}
    in_one = [cost for cost in costs.values() if len(cost.pids) == 1]
    others = [cost.wait_s for way, cost in costs.items() if way != "solo"]
    claim(
        costs["solo"].wait_s >= 4 * WAIT_S and max(others) < 3 * WAIT_S,
        "solo waited for one answer after the other, all others for four at once",
    )
    claim(
        in_four == {"prefork", "plain processes"} and len(in_one) == len(costs) - 2,
        "prefork and plain processes computed in four processes, the others in one",
    )
    claim(
        all(cost.cpu_s < 1.2 * cost.compute_s for cost in in_one),
        "one process never used more than one core",
    )


def async_tasks(queue: str) -> None:
    """Send an `async def` task, and one that uses asyncio inside."""
    broken = ask_airline_async.apply_async(("swift", 0), queue=queue)
    error = broken.get(timeout=TIMEOUT_S, propagate=False)
    print(f"an async def task: {broken.state} {error!r}")
    start = time.monotonic()
    ask_all_airlines.apply_async((AIRLINES, WAIT_S), queue=queue).get(timeout=TIMEOUT_S)
    took_s = time.monotonic() - start
    print(f"asyncio.run() inside a task: four airlines answered in {took_s:.2f} s")
    claim("coroutine" in str(error), "Celery calls a task, and awaits nothing")
    claim(took_s < 2 * WAIT_S, "inside a task asyncio can wait for four at once")


if __name__ == "__main__":
    run_lesson(main, queues=[])
