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
    true: only prefork and plain processes computed in several processes
    true: one process never used more than one core
    an async def: FAILURE EncodeError(...type coroutine is not JSON serializable...)
    true: Celery calls a task, and awaits nothing
    asyncio.run() inside a task: four airlines answered in ... s
    true: inside a task asyncio can wait for four at once

Try next.  Guess first:
  1. Write AIRLINES = [...] * 2.  Which rows need twice as long to wait, and which one does not?
  2. Let ask() in work/flights/offers_async.py wait by time.sleep().  What becomes of plain asyncio?
  3. Set STEPS to 30_000_000.  Which two ways come out ahead, and by how much?  (It takes about a
     minute, on an idle machine.)
"""

import time
from pathlib import Path

from celery import group

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.trial import trial
from labkit.side_by_side.pools import (
    HAS_GEVENT,
    NO_GEVENT,
    Cost,
    cost_in_plain_python,
    cost_in_worker,
)
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
POOLS = ["prefork", "threads", "solo", *(["gevent"] if HAS_GEVENT else [])]
GIVES_UP = {
    "Celery prefork": "memory: a process for each slot",
    "Celery threads": "other cores; time limits, terminate",
    "Celery solo": "a second slot; answers while it works",
    "Celery gevent": "soft limit; one that computes stops all",
    "plain threads": "other cores; all work when it ends",
    "plain asyncio": "the same, and code that is not async",
    "plain processes": "all work when it ends",
}
PLAIN = Path(__file__).with_name("plain_pools.py")


def main() -> None:
    # The two kinds of work: to wait for somebody else, and to compute.
    waiting = group(ask_airline.s(airline, WAIT_S) for airline in AIRLINES)
    computing = group(search_connections.s(STEPS) for _ in AIRLINES)
    options = {pool: [f"--pool={pool}"] for pool in POOLS}
    with trial("lesson28", options, f"--concurrency={SLOTS}") as setups:
        if not HAS_GEVENT:
            print(NO_GEVENT)
        # One way after the other: side by side they would take each other's cores away.
        costs = {f"Celery {one.name}": cost_in_worker(one, waiting, computing) for one in setups}
        for way in ("threads", "asyncio", "processes"):
            jobs = (way, SLOTS, WAIT_S, STEPS, *AIRLINES)
            costs[f"plain {way}"] = cost_in_plain_python(PLAIN, jobs)
        show(costs)

        # Celery calls the function of a task, and stores what it returns.  An `async def` returns a
        # coroutine: nobody awaits it, and it cannot be written as JSON.
        queue = setups["threads"].queue
        broken = ask_airline_async.apply_async(("swift", 0), queue=queue)
        error = broken.get(timeout=TIMEOUT_S, propagate=False)
        print(f"an async def: {broken.state} {error!r}")
        claim("coroutine" in str(error), "Celery calls a task, and awaits nothing")

        # Inside of a task that waits for several calls, asyncio.run() is welcome.
        start = time.monotonic()
        ask_all_airlines.apply_async((AIRLINES, WAIT_S), queue=queue).get(timeout=TIMEOUT_S)
        took_s = time.monotonic() - start
        print(f"asyncio.run() inside a task: four airlines answered in {took_s:.2f} s")
        claim(took_s < 2 * WAIT_S, "inside a task asyncio can wait for four at once")


def show(costs: dict[str, Cost]) -> None:
    """What each way costs, and what it gives up for that."""
    # Two prices: seconds and memory, which can be measured, and what a pool cannot do.
    rows = [
        (name, *(costs[name].cells() if name in costs else ["not installed"])) for name in GIVES_UP
    ]
    headings = ("wait", "compute", "processes", "cores", "memory")
    table(f"{len(AIRLINES)} jobs each", *headings, rows=rows)
    table("", "what it gives up", rows=GIVES_UP.items())

    solo_s = costs["Celery solo"].wait_s
    others_s = [cost.wait_s for name, cost in costs.items() if name != "Celery solo"]
    claim(
        solo_s >= 4 * WAIT_S and max(others_s) < 3 * WAIT_S,
        "solo waited for one answer after the other, all others for four at once",
    )
    # Python computes one thing at a time in a process, so threads do not help there.  On an
    # idle machine "cores" is 1.0 for one process, and as many as there are for four.
    in_one = [cost for cost in costs.values() if len(cost.pids) == 1]
    several = len(costs) - len(in_one)
    claim(several == 2, "only prefork and plain processes computed in several processes")
    claim(all(cost.cores < 1.2 for cost in in_one), "one process never used more than one core")


if __name__ == "__main__":
    run_lesson(main, queues=[])
