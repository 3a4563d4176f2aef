"""What can be known about one task: the places where it may be, and what was seen there."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labkit.broker.mentions import Mention
from labkit.broker.messages import JSON
from labkit.broker.queues import Unacked
from labkit.broker.results import Group, StoredResult
from labkit.broker.search import Search
from labkit.broker.workers import Workers, WorkerView
from labkit.doctor.findings import more_time
from labkit.doctor.worker_logs import LogTrace

Registered = dict[str, dict[str, dict[str, str]]]  # {worker: {task: {"ignore_result": "True"}}}
SILENT_MEANS = (
    "a worker with --pool=solo answers only between two tasks, and a stopped one (SIGSTOP) not "
    "before it goes on"
)
STOPPING = (
    "still runs on this machine: a worker in a warm stop ends what runs, and answers no question "
    "meanwhile"
)


@dataclass(frozen=True)
class Holding:
    """A worker that has the task now.  state: active, reserved, or scheduled (waits for ETA)."""

    worker: WorkerView
    state: str
    request: dict[str, Any]  # id, name, args, kwargs, time_start, acknowledged, worker_pid, ...


@dataclass(frozen=True)
class Evidence:
    """All that was seen.  None or empty: looked for, and not there."""

    task_id: str
    result: StoredResult | None = None
    unacked: Unacked | None = None
    unread: int = 0  # unacknowledged messages that there was no time to look at
    search: Search | None = None  # None: there was no reason to search the queues
    mentions: list[Mention] = field(default_factory=list)  # messages of others that name the id
    mention_counts: Counter[str] = field(default_factory=Counter)  # by kind; all that were seen
    workers: Workers = field(default_factory=lambda: Workers([], 0))
    late: bool = False  # the workers were asked, and there was no time for their answers
    holdings: list[Holding] = field(default_factory=list)
    holder_unknown: bool = False  # some worker that may have it did not list what it has
    registered: Registered = field(default_factory=dict)
    revoked_in: list[str] | None = None  # workers that remember it as revoked; None: not known
    accepted: frozenset[str] = frozenset({JSON})  # content types that the app's workers take
    unfit: str = ""  # what of the next messages in its queue cannot be run, as a sentence
    log: LogTrace | None = None
    last_unread: tuple[str, datetime] | None = None  # a worker that refused a message, and when
    process_ended: bool | None = None  # the process that began it; None: not known
    flower_page: str = ""  # its page in the lab's Flower, if Flower has seen it
    group: Group | None = None  # the id is that of a group
    unfinished_chords: int = 0
    store: str = ""  # where results are kept, if that is not the broker's database
    store_unread: bool = False  # the state could not be read: `not_read` says why
    not_read: list[str] = field(default_factory=list)  # what could not be read, a sentence each
    result_expires_s: float = 0  # 0: never
    visibility_timeout_s: float = 3600

    @property
    def looked_everywhere(self) -> bool:
        """True if each message was looked at, and each worker that is connected answered."""
        searched = self.search is not None and self.search.complete
        return searched and not (self.unread or self.unheard or self.not_read)

    @property
    def unheard(self) -> str:
        """The end of a sentence that says whose answer is missing; "" if all workers answered."""
        if self.late:
            return (
                f"there was no time to hear the workers ({more_time(self.task_id)} gives them more)"
            )
        if self.workers.not_asked:
            return "the workers were not asked, because the broker takes no message now"
        if self.workers.silent == 1:
            return f"1 connected worker does not answer: {SILENT_MEANS}"
        if self.workers.silent:
            return f"{self.workers.silent} connected workers do not answer: {SILENT_MEANS}"
        return ""
