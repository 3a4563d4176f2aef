"""Signals and deaths that a lesson brings about while a trial runs."""

import os
import signal
import time
from contextlib import suppress

import psutil

from labkit.lesson.setup import Setup
from labkit.lesson.setups import WAIT_S, Setups
from labkit.own.facts import note_kill

GOT_INT = "Hitting Ctrl+C again"  # what a worker says when it has got the first INT


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
                    note_kill(start.pid)
                    pids.add(start.pid)
        return all(result.ready() for result in one.results.values())

    def all_ended() -> bool:
        ended = [kill_and_look(one) for one in setups]
        return all(ended)

    setups.wait_until(all_ended, "the end of all tasks")
    return {name: len(pids) for name, pids in killed.items()}


def signal_worker(one: Setup, *signals: int) -> float:
    """Send signals to a worker, each one when it has said that it got the one before.

    Returns when the first one was sent, in seconds since 1970.
    """
    sent_at = time.time()
    one.worker.process.send_signal(signals[0])
    for number in signals[1:]:
        one.worker.line_with(GOT_INT, WAIT_S)
        one.worker.process.send_signal(number)
    return sent_at


def signal_group(one: Setup) -> float:
    """Send TERM to each process of a worker, as systemd does; when, in seconds since 1970."""
    sent_at = time.time()
    os.killpg(one.worker.process.pid, signal.SIGTERM)
    return sent_at
