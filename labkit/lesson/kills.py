"""Deaths that a lesson brings about while a trial runs."""

from contextlib import suppress

import psutil

from labkit.lesson.setup import Setup
from labkit.lesson.trial import Setups


def kill_whoever_begins(setups: Setups, job: str, max_kills: int) -> dict[str, int]:
    """Kill each pool process that begins with a job, as the system does when memory runs out.

    It kills in each setup, max_kills times at most, until all that was sent has ended.
    Returns {name of the setup: how many it killed}.
    """
    killed: dict[str, set[int]] = {one.name: set() for one in setups}

    def kill_and_look(one: Setup) -> bool:
        pids = killed[one.name]
        for start in one.entries("START", job):
            if start.pid not in pids and len(pids) < max_kills:
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(start.pid).kill()  # this process alone: its worker lives
                    pids.add(start.pid)
        return all(result.ready() for result in one.results.values())

    def all_ended() -> bool:
        ended = [kill_and_look(one) for one in setups]
        return all(ended)

    setups.wait_until(all_ended, "the end of all tasks")
    return {name: len(pids) for name, pids in killed.items()}
