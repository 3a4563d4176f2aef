"""Which texts can be the id of a task, and where the id stands in what people paste."""

import re

from labkit.errors import LabError

LONGEST = 200  # Celery's own ids have 36 characters; a program may choose its own

# What Python and a worker's log print around an id.
PASTED = (
    # <AsyncResult: ID>, <GroupResult: ID [IDS]>
    re.compile(r"<\w*Result: ([^\s>]+)(?: \[.*\])?>$"),
    re.compile(r"https?://\S+/task/([^\s/?#]+)$"),  # a page of Flower
    re.compile(r"celery-task-meta-(\S+)$"),  # a key in Redis
    re.compile(r"\w*Result\((['\"])(\S+)\1\)$"),  # AsyncResult('ID')
    re.compile(r"(?:.*\s)?(?:Task \S+?|\w+(?:\.\w+)+)\[([^\][\s]+)\](?:\s.*)?$"),  # a line of a log
    re.compile(r"(?:.*\s)?\w+\[([^\][\s]+)\]:?\s.*$"),  # a row of ./lab up: add[ID] received
    re.compile(r"(['\"])(\S+)\1,?$"),  # 'ID'
)


def checked_task_id(text: str) -> str:
    """The id without what stands around it; LabError (exit code 2) if it can be no task's id.

    Celery makes UUIDs, but task_id= may name any text, so a word is no error.

    >>> checked_task_id(" order-7 ")
    'order-7'
    >>> checked_task_id("<AsyncResult: order-7>"), checked_task_id("AsyncResult('order-7')")
    ('order-7', 'order-7')
    >>> checked_task_id("Task tasks.basic_tasks.add[order-7] succeeded in 0.01s: 9")
    'order-7'
    >>> checked_task_id("lab1   | ERROR add[order-7] raised unexpected: OSError('no disk')")
    'order-7'
    >>> checked_task_id("<GroupResult: g-1 [a, b]>"), checked_task_id("celery-task-meta-order-7")
    ('g-1', 'order-7')
    >>> checked_task_id("http://localhost:5555/task/order-7")
    'order-7'
    >>> checked_task_id("order[7]")
    'order[7]'
    """
    task_id = text.strip()
    hint = "./lab doctor --help"
    if not task_id:
        raise LabError("the task id is empty", hint, exit_code=2)
    if not task_id.isprintable():
        raise LabError(
            f"a task id has no control characters, got {task_id[:40]!r}", hint, exit_code=2
        )
    for form in PASTED:
        if pasted := form.match(task_id):
            task_id = pasted[pasted.lastindex or 0]
            break
    if len(task_id) > LONGEST:
        raise LabError(
            f"a task id has at most {LONGEST} characters here, got {len(task_id):,}",
            hint,
            exit_code=2,
        )
    return task_id


def looks_like_celery(task_id: str) -> bool:
    """True for a UUID, the form of the ids that Celery makes.

    >>> looks_like_celery("3f2c9a04-1b7e-4a52-a7d5-fc5dc1132a5b"), looks_like_celery("order-7")
    (True, False)
    """
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", task_id) is not None
