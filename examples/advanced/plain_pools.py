"""The jobs of lesson 28 in plain Python, without worker and broker.  The lesson runs this file.

    python examples/advanced/plain_pools.py threads 4 0.5 3000000 heron swift tern wren

It prints what it measured, as JSON, and ends when its input is closed.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

from labkit.processes.identity import ProcessId
from labkit.processes.usage import cpu_seconds
from work.flights import connections, offers, offers_async

# What it measures: {"wait_s": ..., "compute_s": ..., "cpu_s": ..., "pids": [...]}
measured: dict = {}


def with_pool(kind: type, slots: int, airlines: list[str], wait_s: float, steps: int) -> None:
    with kind(slots) as pool:
        with timed("wait"):
            list(pool.map(offers.ask, airlines, [wait_s] * len(airlines)))
        with timed("compute"):
            measured["pids"] = list(pool.map(compute, [steps] * len(airlines)))
        say_so_and_stay()


def with_asyncio(airlines: list[str], wait_s: float, steps: int) -> None:
    async def compute_async() -> int:
        return compute(steps)  # nothing in it awaits, so the others have to wait for it

    async def compute_all() -> list[int]:
        return await asyncio.gather(*(compute_async() for _ in airlines))

    with timed("wait"):
        asyncio.run(offers_async.ask_all(airlines, wait_s))
    with timed("compute"):
        measured["pids"] = asyncio.run(compute_all())
    say_so_and_stay()


def compute(steps: int) -> int:
    """Compute, and return the process that did it."""
    connections.search(steps)
    return os.getpid()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Note how long the block takes, and how much processor time."""
    me = ProcessId.of(os.getpid())
    start, cpu_before_s = time.monotonic(), cpu_seconds(me)
    yield
    measured[f"{what}_s"] = time.monotonic() - start
    measured["cpu_s"] = cpu_seconds(me) - cpu_before_s


def say_so_and_stay() -> None:
    """With the pool still open, so that its memory can be measured."""
    print(json.dumps(measured), flush=True)
    sys.stdin.read()


def main(way: str, slots: str, wait_s: str, steps: str, *airlines: str) -> None:
    jobs = (list(airlines), float(wait_s), int(steps))
    if way == "asyncio":
        with_asyncio(*jobs)
    else:
        kind = {"threads": ThreadPoolExecutor, "processes": ProcessPoolExecutor}[way]
        with_pool(kind, int(slots), *jobs)


if __name__ == "__main__":
    main(*sys.argv[1:])
