"""What in the broker cannot be read, for the doctor without a task id."""

from collections.abc import Mapping

import redis
from celery import Celery

from labkit.doctor.findings import Finding
from labkit.layout import Layout
from labkit.messages import accepted_types
from labkit.queues import lengths, unacked_by_queue
from labkit.unread import all_unread, unreadable

HINT = "find the program that wrote it, and mend its call"


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


def unreadable_queues(
    app: Celery,
    client: redis.Redis,
    by_queue: Mapping[str, Mapping[int, int]],
    layout: Layout,
) -> set[str]:
    """The queues of whose next messages none can be run: a worker would only lose them.

    Such a list perhaps belongs to another program.  by_queue: as above.
    """
    return unreadable(client, by_queue, accepted_types(app), layout)
