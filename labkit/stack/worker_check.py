"""Is there a worker for the queues of a lesson?  What to type where none answers."""

import difflib
import shlex
import sys
import time
from collections.abc import Sequence

from lab_home import LAB_HOME
from labkit.broker.check import broker_error
from labkit.broker.inspector import ANSWER_S, LAB_QUEUES, Inspector, broker_errors
from labkit.errors import LabError, in_shell
from labkit.processes.identity import ProcessId
from labkit.processes.running_lab import processes_of, read_state
from labkit.stack.code import given_up_hint

START_WORKER = "./start_worker.sh"
START_S = 10.0  # a worker starts in 2 s; the rest is for a slow or busy machine


def require_workers(url: str, queues: Sequence[str]) -> None:
    """Raise LabError unless every queue is consumed by a worker that answers, or no broker does.

    The first answer comes at once and is enough in most cases; only if it is not from the right
    worker do we wait the full second for the others.  A worker that the lab of this folder just
    starts, or starts again, is given START_S.
    """
    if not queues:
        return
    inspector = Inspector(url)
    try:
        deadline = time.monotonic() + START_S
        consumed = _consumed(inspector, queues)
        while set(LAB_QUEUES).intersection(queues) - consumed and time.monotonic() < deadline:
            if not any(map(_starts, processes_of(read_state(LAB_HOME), "worker"))):
                break
            consumed = _consumed(inspector, queues)
    except broker_errors() as error:  # it went away meanwhile
        raise broker_error(error, url) from None
    finally:
        inspector.close()
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


def _consumed(inspector: Inspector, queues: Sequence[str]) -> set[str]:
    """The queues that workers take from; not all of them, once `queues` are among them."""
    consumed: set[str] = set()
    for first_answer_only in (True, False):
        consumed |= inspector.consumed_queues(first_answer_only=first_answer_only)
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
