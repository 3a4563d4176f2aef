"""The queues: who takes from them, what in them cannot be read, and what to do about it."""

import difflib
import re
from collections.abc import Iterable, Mapping
from shlex import quote

import redis
from celery import Celery

from lab_home import LAB_HOME, ROOT
from labkit.broker.inspector import LAB_QUEUES
from labkit.broker.layout import KOMBU, Layout
from labkit.broker.queues import lengths, queues_with_messages, unacked_by_queue, unacked_count
from labkit.broker.unread import Trouble, all_unread
from labkit.broker.workers import Workers
from labkit.doctor.findings import Finding
from labkit.processes.running_lab import running_lab
from labkit.stack.worker_check import no_worker_hint
from labkit.words import several, typed

LOSES = "start no worker for it: what a worker cannot read it throws away, or ends on it"
# For a message that no worker can run: the program that sends it must be mended.
FIND_CALLS = "grep -rnE 'apply_async|send_task' --include='*.py' tasks web examples"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A known name that looks like a misspelled one, as the end of a sentence.

    >>> did_you_mean("bascic", ["basic", "advanced"])
    "; did you mean 'basic'?"
    >>> did_you_mean("mail", ["basic"])
    ''
    """
    close = closest(name, known)
    return f"; did you mean {close!r}?" if close else ""


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that looks like a misspelled one; "" where none does.

    >>> closest("basci", {"basic", "advanced"}), closest("mail", {"basic"})
    ('basic', '')
    """
    found = difflib.get_close_matches(name, sorted(set(known) - {name}), n=1)
    return found[0] if found else ""


def restart_hint() -> str:
    """The command that starts the lab's workers anew; one that was started by hand is not its."""
    return "./lab restart" if running_lab(LAB_HOME) else "./start_worker.sh"


def start_hint(queue: str, workers: Workers) -> str:
    """The command that brings a worker for this queue."""
    if not workers.answered and queue in LAB_QUEUES:
        return no_worker_hint()
    if not queue.isprintable() or "," in queue:
        return FIND_CALLS  # no worker can be told this name
    return f"./start_worker.sh --queues={quote(queue)} -n {quote(f'{queue}@%h')}"


def waiting_hint(queue: str, workers: Workers, *, readable: bool = True) -> str:
    """What helps a queue from which no worker takes: its messages go where they were meant to go.

    A worker for a misspelled name would only hide the mistake.
    readable: False if some of them are no messages that a worker can run: it would lose them.
    """
    if not readable:
        return "./lab monitor --once"
    meant = closest(queue, workers.consumed() | set(LAB_QUEUES))
    if meant and queue not in LAB_QUEUES and queue.isprintable():
        return f"./lab move {typed(queue)} {quote(meant)}"
    return start_hint(queue, workers)


def nobody_takes(queue: str, count: int, workers: Workers, *, readable: bool = True) -> Finding:
    """The finding for a queue that holds messages while no worker takes from it."""
    known = workers.consumed() | set(LAB_QUEUES)
    guess = did_you_mean(queue, known)
    held = f"{several(count, 'message')} {'waits' if count == 1 else 'wait'} in the queue {queue!r}"
    hint = waiting_hint(queue, workers, readable=readable)
    if number := _lesson_that_clears(queue):  # what a stopped run has left there
        hint = f"./lab run {number}"
        guess = "; that lesson removes them"
    lost = "" if readable else f"; {LOSES}"
    return Finding("wrong", f"{held}, and {nobody(workers)} takes from it{guess}{lost}", hint)


def _lesson_that_clears(queue: str) -> str:
    """The number of the lesson that empties this queue when it begins; "" if none says so.

    The number in the name is not enough: that of an earlier version may be another lesson's today.
    """
    lesson, _, variant = queue.partition(".")
    number = lesson.removeprefix("lesson") if re.fullmatch(r"lesson\d\d", lesson) else ""
    for script in ROOT.glob(f"examples/*/{number}_*.py"):
        text = script.read_text(encoding="utf-8")
        if "own_queues(" in text and f'"{queue}"' in text:
            return number
        if variant and "trial(" in text and f'"{lesson}"' in text and f'"{variant}"' in text:
            return number
    return ""


def nobody(workers: Workers) -> str:
    """Who does not take from a queue: "no worker", with what weakens it."""
    if workers.silent:
        return f"no worker that answers ({workers.silent} connected and silent)"
    return "no worker"


def unread_findings(
    app: Celery, client: redis.Redis, by_queue: Mapping[str, Mapping[int, int]], layout: Layout
) -> tuple[list[Finding], dict[str, Trouble]]:
    """(a finding for each key and queue in which something cannot be read, that of the queues).

    by_queue: the lengths of the queues that hold messages.
    """
    configured = lengths(client, [queue.name for queue in app.conf.task_queues or ()], layout)
    taken = unacked_by_queue(client, layout=layout)
    unread = all_unread(app, client, {**configured, **by_queue}, taken, layout)
    findings = [Finding("wrong", sentence, FIND_CALLS) for sentence in unread.sentences()]
    return findings, unread.waiting


def stored_messages(client: redis.Redis, layout: Layout = KOMBU) -> Finding:
    """How many messages wait where, while the broker takes none.

    A question to the workers is a message, too: none is asked.
    """
    try:
        names = sorted(queues_with_messages(client, layout=layout))
        by_queue = lengths(client, names, layout)
        held = unacked_count(client, layout)
    except redis.RedisError:  # one that reads its data from disk answers nothing
        return Finding("?", "queues and workers were not looked at")
    waiting = [
        f"{several(sum(lists.values()), 'message')} in {queue!r}"
        for queue, lists in by_queue.items()
    ]
    queues = f"waiting: {', '.join(waiting)}" if waiting else "no queue holds a message"
    held_too = f"; {several(held, 'more message')} taken and not acknowledged" if held else ""
    not_asked = "the workers were not asked, because a question to them is a message, too"
    return Finding("?", f"{queues}{held_too}; {not_asked}")
