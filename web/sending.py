"""Send a task, and remember its id: Celery itself cannot tell a waiting task from an unknown id.

Both are PENDING, "nothing is stored".  So each id that is sent here is noted in the broker's Redis,
under a key of its own that goes after a day.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import Task, uuid

from web.broker import broker_errors, client

REMEMBERED_S = 24 * 3600  # longer than any result is kept


def key(task_id: str) -> str:
    """Where an id is noted."""
    return f"celery_learning:web:{task_id}"


@contextmanager
def noted_id(task: Task) -> Iterator[str]:
    """Give an id, to be used for a task that is sent in the block.

    The note comes first: a task without a note could run, and nobody could ask for it.
    Raises Unavailable.  Then it is not known whether the task was sent, because a broker that
    answers too late may have taken it; the sentence names the id.
    """
    task_id = uuid()
    with broker_errors("and nothing was sent"):
        client.set(key(task_id), task.name, ex=REMEMBERED_S)
    with broker_errors(f"and it is not known whether task {task_id} was sent"):
        yield task_id


def name_of(task_id: str) -> str | None:
    """The name of the task that was sent with this id, None if none was.  Raises Unavailable."""
    with broker_errors("and nothing was read"):
        found = client.get(key(task_id))
    return None if found is None else str(found)
