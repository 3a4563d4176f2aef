"""What in the broker cannot be read, for the doctor without a task id."""

from collections.abc import Mapping

import redis
from celery import Celery

from labkit.doctor.findings import Finding
from labkit.layout import Layout
from labkit.queues import lengths, unacked_by_queue
from labkit.unread import all_unread

HINT = "only Celery should write there: find the program that does, and mend it"


def unread_findings(
    app: Celery,
    client: redis.Redis,
    by_queue: Mapping[str, Mapping[int, int]],
    layout: Layout,
) -> list[Finding]:
    """A finding for each key and queue in which something cannot be read.

    by_queue: the lengths of the queues that hold messages.
    """
    configured = lengths(client, [queue.name for queue in app.conf.task_queues or ()], layout)
    taken = unacked_by_queue(client, layout=layout)
    sentences = all_unread(app, client, {**configured, **by_queue}, taken, layout)
    return [Finding("wrong", sentence, HINT) for sentence in sentences]
