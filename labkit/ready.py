"""Ask the stack's processes whether they are there.  An answer counts, a log line does not."""

import difflib
import functools
import http.client
import shlex
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab_home import LAB_HOME
from labkit.asking_app import asking_app
from labkit.code import given_up_hint
from labkit.errors import LabError, in_shell
from labkit.ports import listens
from labkit.processes import ProcessId
from labkit.redis_check import broker_error
from labkit.state import processes_of, read_state

if TYPE_CHECKING:
    from celery import Celery

LAB_QUEUES = ("basic", "advanced", "realworld")  # those that have workers after ./lab up
PING_S = 0.2  # how long one round waits; a process that starts is asked again and again
ANSWER_S = 1.0  # a worker that is up answers in milliseconds
START_WORKER = "./start_worker.sh"
START_S = 10.0  # a worker starts in 2 s; the rest is for a slow or busy machine


class Control:
    """A line to the workers and Beat over the broker, as `celery inspect` has it."""

    def __init__(self, broker_url: str) -> None:
        self.broker_url = broker_url

    @functools.cached_property
    def app(self) -> "Celery":
        """Made at the first question: `./lab up` imports Celery while its children start."""
        return asking_app(self.broker_url)

    def answers(self, names: set[str], timeout_s: float = PING_S) -> set[str]:
        """Which of these node names (lab1@host, celerybeat@host) answer a ping."""
        replies = self.app.control.ping(
            destination=sorted(names), timeout=timeout_s, limit=len(names)
        )
        return {name for reply in replies or () for name in reply}

    def active_tasks(self, names: set[str], timeout_s: float = 1.0) -> list[tuple[str, Mapping]]:
        """(worker, task) for every task that runs on these workers now; task has id and name."""
        inspect = self.app.control.inspect(
            destination=sorted(names), timeout=timeout_s, limit=len(names)
        )
        answers = inspect.active() or {}
        return [(worker, task) for worker, tasks in answers.items() for task in tasks]

    def consumed_queues(self, *, first_answer_only: bool) -> set[str]:
        """The queues that the workers which answer take messages from."""
        limit = 1 if first_answer_only else None
        inspect = self.app.control.inspect(timeout=ANSWER_S, limit=limit)
        answers = inspect.active_queues() or {}
        return {queue["name"] for active in answers.values() for queue in active or ()}

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "app" in self.__dict__:
            self.app.close()


def broker_errors() -> tuple[type[Exception], ...]:
    """What a question to the workers raises where the broker is away."""
    from kombu.exceptions import OperationalError  # deferred: kombu takes its time
    from redis.exceptions import RedisError

    return OSError, OperationalError, RedisError


def node_name(child_name: str) -> str:
    """The name a worker or Beat has for Celery: lab1 -> lab1@host."""
    host = socket.gethostname()
    return f"celerybeat@{host}" if child_name == "beat" else f"{child_name}@{host}"


def page_answers(process: ProcessId, port: int, path: str) -> bool:
    """True if the Flower or the web app that we started answers on its port."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", path)
        healthy = connection.getresponse().status == http.HTTPStatus.OK
        connection.close()
    except (OSError, http.client.HTTPException):
        return False
    return healthy and listens(process, port)


def require_workers(url: str, queues: Sequence[str]) -> None:
    """Raise LabError unless every queue is consumed by a worker that answers, or no broker does.

    The first answer comes at once and is enough in most cases; only if it is not from the right
    worker do we wait the full second for the others.  A worker that the lab of this folder just
    starts, or starts again, is given START_S.
    """
    if not queues:
        return
    control = Control(url)
    try:
        deadline = time.monotonic() + START_S
        consumed = _consumed(control, queues)
        while set(LAB_QUEUES).intersection(queues) - consumed and time.monotonic() < deadline:
            if not any(map(_starts, processes_of(read_state(LAB_HOME), "worker"))):
                break
            consumed = _consumed(control, queues)
    except broker_errors() as error:  # it went away meanwhile
        raise broker_error(error, url) from None
    finally:
        control.close()
    missing = [queue for queue in queues if queue not in consumed]
    if not consumed:
        raise LabError(
            f"the broker is up, but no worker answered in {ANSWER_S:.0f} s", no_worker_hint()
        )
    if missing:
        names = " and ".join(repr(queue) for queue in missing)
        wrong = f"workers answer, but none of them consumes the queue {names}"
        close = difflib.get_close_matches(missing[0], {*consumed, *LAB_QUEUES}, n=1)
        if close and missing[0] not in LAB_QUEUES:
            hint = f"grep -n queues= {in_shell(sys.argv[0])}"
            raise LabError(f"{wrong}; {close[0]!r} was probably meant", hint)
        words = [f"--queues={','.join(missing)}", "-n", f"{missing[0]}@%h"]
        raise LabError(wrong, f"./start_worker.sh {shlex.join(words)}")


def _consumed(control: Control, queues: Sequence[str]) -> set[str]:
    """The queues that workers take from; not all of them, once `queues` are among them."""
    consumed: set[str] = set()
    for first_answer_only in (True, False):
        consumed |= control.consumed_queues(first_answer_only=first_answer_only)
        if consumed.issuperset(queues):
            break
    return consumed


def _starts(worker: ProcessId) -> bool:
    """True if it is new, or has ended, and so is started again."""
    new = time.time() - worker.started < START_S and not worker.stopped()
    return new or not worker.running()


def no_worker_hint() -> str:
    """What helps where no worker answers: a word to the lab that is up, or a worker.

    Without a lab that is up, ./lab up might start another broker; and one that is up refuses it.
    """
    state = read_state(LAB_HOME) or {}
    for name, why in state.get("given_up", {}).items():
        if any(child["name"] == name and child["kind"] == "worker" for child in state["children"]):
            return given_up_hint(why, reload=state["reload"])
    workers = processes_of(state, "worker")
    pids = " ".join(one.group_pids() for one in workers if one.stopped())
    if pids:
        return f"kill -CONT {pids}"
    if any(map(_starts, workers)):
        return "sleep 5; ./lab doctor"
    return "./lab restart" if workers else START_WORKER
