"""Gather the evidence about one task: from Redis, from the workers, from their logs."""

import time
import urllib.request
from collections import Counter
from http.client import HTTPException
from urllib.parse import quote

import redis
from celery import Celery
from celery.states import READY_STATES, RETRY, REVOKED

from lab_home import LAB_HOME
from labkit.broker.layout import layout_of
from labkit.broker.messages import accepted_types
from labkit.broker.queues import UnackedSearch, find_unacked, lengths, queues_with_messages
from labkit.broker.result_reader import ResultStore
from labkit.broker.search import Search, find_queued
from labkit.broker.unread import unread_waiting
from labkit.broker.workers import Workers, ask_workers
from labkit.doctor.ask import (
    holdings_of,
    registered_in,
    result_expires_s,
    scheduled_in,
    who_revoked,
)
from labkit.doctor.evidence import Evidence, Holding, Registered
from labkit.doctor.local_processes import process_ended
from labkit.doctor.worker_logs import last_unread, task_in_logs
from labkit.processes.running_lab import read_state
from labkit.waiting import Later, wait_until
from labkit.words import several

Answers = tuple[Workers, Registered]

FLOWER_TIMEOUT_S = 0.3
ACKNOWLEDGED_S = 0.5  # after its end was stored; milliseconds, if the machine is not busy


def gather(app: Celery, client: redis.Redis, task_id: str, *, deadline: float) -> Evidence:
    """Look at every place where the task may be; be done by `deadline` (time.monotonic()).

    While a task is looked for it moves on: queue, worker, result.  So the result is read first
    and last, and what is found nowhere is looked for in the workers once more.
    """
    look = _Look(app, client, task_id, deadline)
    try:
        return look.gather()
    finally:
        look.store.close()


class _Look:
    """One look at all places, with what it has found so far."""

    def __init__(self, app: Celery, client: redis.Redis, task_id: str, deadline: float) -> None:
        self.app, self.client, self.task_id, self.deadline = app, client, task_id, deadline
        self.layout = layout_of(app)
        self.store = ResultStore(app, client)
        self.search: Search | None = None
        self.workers, self.late = Workers([], 0), False
        self.registered: Registered = {}
        self.holdings: list[Holding] = []
        self.holder_unknown = False

    def gather(self) -> Evidence:
        """Look everywhere, in the order in which a task moves, and at the workers meanwhile."""
        answers = Later(self._ask_workers)
        self.result, self.held = self.store.read(self.task_id), self._unacked()
        if not self.held.found and self._may_have_a_message():
            self._search_queues()
        self._hear(answers)
        self._read_result_again()
        if self._ended():
            self._look_at_message_again()
        if not (self._ended() or self.holdings or (self.search and self.search.message)):
            self._look_at_workers_again()
        return self._evidence()

    def _look_at_message_again(self) -> None:
        """What was seen while it ran: it is acknowledged a moment after its end is stored."""
        if self.held.found:
            wait_until(self._is_acknowledged, ACKNOWLEDGED_S, every_s=0.1)
        if self.search and self.search.message:
            self._search_queues()

    def _is_acknowledged(self) -> bool:
        self.held = self._unacked()
        return not self.held.found

    def _unacked(self) -> UnackedSearch:
        room_s = max(0.8, (self.deadline - time.monotonic()) / 3)
        return find_unacked(self.client, self.task_id, room_s, layout=self.layout)

    def _may_have_a_message(self) -> bool:
        """A state that says more than "nobody began": no message waits any more."""
        return self.result is None or self.result.status in {RETRY, REVOKED}

    def _ended(self) -> bool:
        return self.result is not None and self.result.status in READY_STATES

    def _read_result_again(self) -> None:
        self.result = self.store.read(self.task_id) or self.result

    def _search_queues(self) -> None:
        queues = queues_with_messages(self.client, layout=self.layout)
        queues |= {queue.name for queue in self.app.conf.task_queues or ()}
        room_s = max(0.1, self.deadline - time.monotonic() - 0.2)
        self.search = find_queued(self.client, self.task_id, queues, room_s, layout=self.layout)

    def _ask_workers(self) -> Answers:
        workers = ask_workers(self.app, self.client)
        return workers, registered_in(self.app, workers)

    def _hear(self, answers: Later[Answers]) -> None:
        heard = answers.until(self.deadline, None)
        self.late = heard is None
        if heard:
            self.workers, self.registered = heard
            self.holdings = holdings_of(self.workers, self.task_id)

    def _look_at_workers_again(self) -> None:
        """What waits for its time stands in a list of its own; all else may have moved on."""
        self.held = self.held if self.held.found else self._unacked()
        lists = Later(lambda: scheduled_in(self.app, self.workers, self.task_id))
        self.holdings, self.holder_unknown = lists.until(self.deadline, ([], True))
        if self.holdings or self.workers.silent or self.late:  # who is silent stays so
            return
        self._hear(Later(self._ask_workers))
        self.held = self.held if self.holdings else self._unacked()
        if not (self.search or self.held.found):
            self._search_queues()
        self._read_result_again()

    def _who_revoked(self) -> list[str] | None:
        asked = Later(lambda: who_revoked(self.app, self.workers, self.task_id))
        return asked.until(self.deadline, None)

    def _unfit(self) -> str:
        """What stands beside it in a queue without workers, and one would lose, or end on."""
        waits = self.search and self.search.message and self.search.queue
        queue = self.held.found.queue if self.held.found else waits
        if not queue or any(queue in worker.queues for worker in self.workers.answered):
            return ""
        counts = lengths(self.client, [queue], self.layout)
        accepted = accepted_types(self.app)
        unread = unread_waiting(self.client, counts, accepted, self.layout).get(queue)
        return unread.sentence if unread else ""

    def _not_read(self) -> list[str]:
        """What is there and could not be read, so that nobody takes silence for an answer."""
        said = [self.store.why] if self.store.why else []
        count = self.held.unreadable + (self.search.unreadable if self.search else 0)
        if count:
            said.append(f"{several(count, 'message')} could not be read, and may be of this task")
        return said

    def _evidence(self) -> Evidence:
        found = self.held.found
        message = self.search.message if self.search else None
        nowhere = not (self._ended() or self.holdings or found or message)
        unknown = nowhere and self.result is None
        mentions = [self.held.mentions, *([self.search.mentions] if self.search else [])]
        return Evidence(
            self.task_id,
            self.result,
            found,
            unread=0 if found else self.held.total - self.held.looked_at,
            search=self.search,
            mentions=[one for some in mentions for one in some.kept],
            mention_counts=sum((some.counts for some in mentions), Counter()),
            workers=self.workers,
            late=self.late,
            holdings=self.holdings,
            holder_unknown=self.holder_unknown,
            registered=self.registered,
            revoked_in=self._who_revoked() if message or found else None,
            accepted=accepted_types(self.app),
            unfit=self._unfit(),
            log=None if self._ended() else task_in_logs(LAB_HOME, self.task_id),
            last_unread=last_unread(LAB_HOME) if unknown else None,
            process_ended=None if self.holdings else process_ended(self.result),
            flower_page=_flower_page(self.task_id) if unknown else "",
            group=self.store.group(self.task_id) if unknown else None,
            unfinished_chords=(self.store.unfinished_chords() or 0) if unknown else 0,
            store=self.store.where,
            store_unread=bool(self.store.why),
            not_read=self._not_read(),
            result_expires_s=result_expires_s(self.app, self.workers) if unknown else 0,
            visibility_timeout_s=self.app.conf.broker_transport_options.get(
                "visibility_timeout", 3600
            ),
        )


def _flower_page(task_id: str) -> str:
    """The address of the task's page in the running lab's Flower; "" if it does not know it."""
    address = (read_state(LAB_HOME) or {}).get("flower")
    if not address:
        return ""
    page = f"{address}/task/{quote(task_id)}"
    try:
        with urllib.request.urlopen(page, timeout=FLOWER_TIMEOUT_S):  # noqa: S310 - our own address
            return page
    except (OSError, HTTPException):  # 404, no answer, or no Flower
        return ""
