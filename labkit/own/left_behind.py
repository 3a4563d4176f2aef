"""What a lesson leaves behind: messages that nobody has finished, and files of a killed run.

A lesson that is interrupted, fails, or was changed may leave messages where no worker takes them.
One that is killed leaves its ledgers, and what stands beside them.
"""

import re
import shutil
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, cast

import redis

from lab_home import LAB_FILES, REDIS_URL
from labkit.broker.check import client_for
from labkit.broker.layout import KOMBU, Layout, layout_of
from labkit.broker.messages import Message, decode_message
from labkit.own.queues import remove_taken
from labkit.words import several

READ_AT_ONCE = 500  # messages
OLD_S = 3600  # no lesson lasts so long


def leave_no_message(number: str, sent: Collection[tuple[str, str]]) -> None:
    """Remove this run's messages from the lesson's own queues, and say so on standard error.

    number: of the lesson.  sent: (task id, queue) of every message that this process has sent.
    Without a broker nothing is done, and nothing said.
    """
    queues = own_queues_among(number, {queue for _task_id, queue in sent})
    celery_app: Any = sys.modules.get("celery_app")
    if not queues or not celery_app:  # it has sent nothing through this app
        return
    ids, layout = {task_id for task_id, _queue in sent}, layout_of(celery_app.app)
    try:
        with client_for(REDIS_URL) as client:
            removed = {queue: remove_messages(client, queue, ids, layout) for queue in queues}
    except redis.RedisError:
        return
    if count := sum(removed.values()):
        where = ", ".join(queue for queue in queues if removed[queue])
        sys.stdout.flush()
        print(
            f"removed {several(count, 'message')} that this run left in {where}",
            file=sys.stderr,
            flush=True,
        )


def own_queues_among(number: str, queues: Collection[str]) -> list[str]:
    """Those of the queues that are the lesson's own, as their names say.

    >>> own_queues_among("09", ["basic", "lesson09", "lesson09.slow", "lesson091", "lesson10"])
    ['lesson09', 'lesson09.slow']
    """
    own = re.compile(rf"lesson{re.escape(number)}(?!\d)")
    return sorted(queue for queue in queues if own.match(queue))


def remove_messages(
    client: redis.Redis, queue: str, ids: Collection[str], layout: Layout = KOMBU
) -> int:
    """Remove the messages of these tasks, and of those that they called, from a queue; how many.

    Waiting ones, and those that a worker took and has not acknowledged.  All others stay.
    """
    keys = [layout.list_name(queue, priority) for priority in layout.priorities]
    taken = remove_taken(client, layout, lambda one, its: its == queue and _is_of(one, ids))
    return taken + sum(_remove_waiting(client, key, ids) for key in keys)


def _remove_waiting(client: redis.Redis, key: str, ids: Collection[str]) -> int:
    """Remove these tasks' messages from one list.

    The newest stand in front: there LREM finds each of them at once, also in a long list.
    """
    place = removed = 0
    while raws := cast(list[str], client.lrange(key, place, place + READ_AT_ONCE - 1)):
        ours = [raw for raw in raws if _waits_for(raw, ids)]
        gone = sum(int(client.lrem(key, 1, raw)) for raw in ours)
        removed += gone
        place += len(raws) - gone
    return removed


def _waits_for(raw: str, ids: Collection[str]) -> bool:
    try:
        return _is_of(decode_message(raw), ids)
    except ValueError:
        return False


def _is_of(message: Message, ids: Collection[str]) -> bool:
    """True for the message of one of these tasks, or of what one of them called."""
    return message.task_id in ids or message.headers.get("root_id") in ids


def remove_old_files(number: str) -> None:
    """Remove what killed runs of a lesson left in LAB_FILES: lessonNN-TIME-... older than OLD_S.

    Younger ones stay: another lab may write its files into the same folder at this moment.
    """
    own = re.compile(rf"lesson{re.escape(number)}-(\d{{19}})(?!\d)")
    for path in [*LAB_FILES.glob("lesson*"), *LAB_FILES.glob("*/lesson*")]:
        made = own.match(path.name)
        if made and time.time() - int(made[1]) / 1e9 > OLD_S:
            shutil.rmtree(path, ignore_errors=True)  # a folder
            with suppress(OSError):
                path.unlink()
