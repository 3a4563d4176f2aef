"""Find the stack that a lesson runs on, or start one that lasts as long as the lesson."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from lab_home import LAB_HOME, choose_redis_url, running_broker
from labkit.broker.check import check_redis
from labkit.broker.inspector import LAB_QUEUES
from labkit.errors import LabError
from labkit.processes.records import end_leftovers
from labkit.processes.running_lab import is_ready, processes_of, read_state, running_lab
from labkit.stack import code
from labkit.stack.temporary import temporary_stack
from labkit.stack.worker_check import require_workers
from labkit.waiting import wait_until

START_TIMEOUT_S = 60
RELOAD_TIMEOUT_S = 60  # a worker with a long task finishes it beside its successor
POLL_S = 0.1


@contextmanager
def stack_for(queues: Sequence[str], extras: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Give the environment changes for a lesson's process: {} on the shared stack.

    queues: what shared workers must consume; () if the lesson needs a broker alone.
    extras: what else a temporary stack starts: "beat", "flower", "mail", "web".
    Raises LabError for a REDIS_URL that cannot be used.
    """
    end_leftovers(LAB_HOME)
    if _shared_stack(queues):
        _wait_for_new_code()
        yield {}
        return
    click.echo("no lab is up: starting one for this run", err=True)
    with temporary_stack(queues, extras) as environment:
        yield environment


def _shared_stack(queues: Sequence[str]) -> bool:
    """True if the stack that a lesson would talk to is there and can run it."""
    up = "./lab up to be ready"  # it may be starting in another terminal at this moment
    _wait(up, lambda: not running_lab(LAB_HOME) or is_ready(LAB_HOME), START_TIMEOUT_S)
    url = choose_redis_url()
    if os.environ.get("REDIS_URL"):
        check_redis(url)  # the learner named it: what is wrong with it is an error
        return _workers_answer(url, queues)
    lab_is_up = bool(running_lab(LAB_HOME) and running_broker())
    try:
        owner = check_redis(url)
    except LabError:
        if lab_is_up:  # another one beside it would hide what is wrong with it
            raise
        return False
    # Where no lab is up, this is what a killed one left, or the last resort, which nobody chose.
    # It counts only where a worker of this lab is at work.  The database of a lab that is up is
    # empty after FLUSHALL, and still its own.
    return lab_is_up or (owner == "ours" and _workers_answer(url, queues or LAB_QUEUES[:1]))


def _workers_answer(url: str, queues: Sequence[str]) -> bool:
    try:
        require_workers(url, queues)
    except LabError:
        return False
    return True


def _wait_for_new_code() -> None:
    """Wait until every worker of the shared stack runs the code that the files hold now."""
    newest = code.fingerprint()

    def settled() -> bool:
        state = read_state(LAB_HOME)
        if not state or not state["reload"] or (state["refused"] or {}).get("code") == newest:
            return True
        return _old_workers(state, newest) == []

    _wait("the workers to run your newest code", settled, RELOAD_TIMEOUT_S)
    state = read_state(LAB_HOME)
    if state and state["refused"] and processes_of(state, "worker"):
        why = state["refused"]["why"]
        click.echo(f"note: the workers still run older code, because: {why}", err=True)
    elif state and (old := _old_workers(state, newest)):
        note = f"note: {', '.join(old)} run older code than the files hold"
        click.echo(f"{note}; ./lab restart changes that", err=True)


def workers_are_current() -> bool:
    """True if the lab is up with workers, and all of them run the code that the files hold."""
    state = read_state(LAB_HOME) or {"children": [], "refused": None}
    there = any(child["kind"] == "worker" for child in state["children"])
    return there and not state["refused"] and _old_workers(state, code.fingerprint()) == []


def _old_workers(state: dict, newest: str) -> list[str]:
    """The names of the workers that run other code.  What is given up runs none."""
    workers = [child for child in state["children"] if child["kind"] == "worker"]
    names = [child["name"] for child in workers if child["code"] != newest]
    return [name for name in names if name not in state["given_up"]]


def _wait(what: str, condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait until condition() is true, and say after a moment what for."""
    if condition():
        return
    click.echo(f"waiting for {what}", err=True)
    if not wait_until(condition, timeout_s, every_s=POLL_S):
        raise LabError(f"waited {timeout_s} s for {what}", "./lab status")
