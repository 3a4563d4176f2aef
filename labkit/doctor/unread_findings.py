"""What in the broker cannot be read, for the doctor without a task id."""

from collections.abc import Mapping

import redis
from celery import Celery

from labkit.broker.layout import Layout
from labkit.broker.queues import lengths, unacked_by_queue
from labkit.broker.unread import Trouble, all_unread
from labkit.doctor.findings import Finding
from labkit.doctor.queue_diagnosis import FIND_CALLS


def unread_findings(
    app: Celery,
    client: redis.Redis,
    by_queue: Mapping[str, Mapping[int, int]],
    layout: Layout,
) -> tuple[list[Finding], dict[str, Trouble]]:
    """(a finding for each key and queue in which something cannot be read, that of the queues).

    by_queue: the lengths of the queues that hold messages.
    """
    configured = lengths(client, [queue.name for queue in app.conf.task_queues or ()], layout)
    taken = unacked_by_queue(client, layout=layout)
    unread = all_unread(app, client, {**configured, **by_queue}, taken, layout)
    findings = [Finding("wrong", sentence, FIND_CALLS) for sentence in unread.sentences()]
    return findings, unread.waiting
