"""What the doctor can still look at while the broker takes no message: what is stored."""

import redis

from labkit.broker.layout import KOMBU, Layout
from labkit.broker.queues import lengths, queues_with_messages, unacked_count
from labkit.doctor.findings import Finding
from labkit.words import several


def stored_messages(client: redis.Redis, layout: Layout = KOMBU) -> Finding:
    """How many messages wait where.  A question to the workers is a message, too: none is asked."""
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
    return Finding(
        "?",
        f"{queues}{held_too}; the workers were not asked, because a question to them is a "
        "message, too",
    )
