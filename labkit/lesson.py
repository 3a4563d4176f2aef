"""Run one lesson: check that it can run, say which files it uses, run it, say where to look."""

import sys
from collections.abc import Callable, Sequence

from lab_home import REDIS_URL
from labkit.errors import LabError
from labkit.redis_check import check_redis

ANSWER_TIMEOUT_S = 1.0  # a worker that is up answers in milliseconds


def run_lesson(
    main: Callable[[], None], *, queues: Sequence[str], extras: Sequence[str] = ()
) -> None:
    """Check for a broker, and for a worker on each of `queues` (about 0.1 s), then run `main`.

    queues: the queues of the shared workers that the lesson sends to; () if it starts workers
        of its own.
    extras: what else a temporary stack must start for it: "beat", "flower".
    """
    from labkit.lessons import lesson_of_script  # deferred: needed only here

    lesson = lesson_of_script(sys.argv[0])
    try:
        check_redis(REDIS_URL)
        require_workers(queues)
    except LabError as error:
        sys.exit(str(error))
    print(lesson.header(), file=sys.stderr, flush=True)
    sent = _note_sent_tasks()
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    footer = lesson.footer(sent)
    if footer:
        print(footer, file=sys.stderr)


def claim(holds: bool, sentence: str) -> None:
    """Print what the lesson claims; end the lesson with exit code 1 if it is not so."""
    if not holds:
        sys.exit(f"error: this did not come true: {sentence}")
    print(f"true: {sentence}")


def require_workers(queues: Sequence[str]) -> None:
    """Raise LabError unless every queue is consumed by a worker that answers."""
    if not queues:
        return
    from celery_app import app

    consumed: set[str] = set()
    # The first answer is enough in most cases and comes at once; only if it is not the right
    # worker do we wait the full second for the others.
    for limit in (1, None):
        inspect = app.control.inspect(timeout=ANSWER_TIMEOUT_S, limit=limit)
        answers = inspect.active_queues() or {}
        consumed |= {queue["name"] for active in answers.values() for queue in active or ()}
        if consumed.issuperset(queues):
            return
    missing = [queue for queue in queues if queue not in consumed]
    if not consumed:
        raise LabError(
            f"the broker is up, but no worker answered in {ANSWER_TIMEOUT_S:.0f} s",
            "./lab up, or in a second terminal ./start_worker.sh",
        )
    names = " and ".join(repr(queue) for queue in missing)
    raise LabError(
        f"workers answer, but none of them consumes the queue {names}",
        f"./start_worker.sh --queues={','.join(missing)} -n {missing[0]}@%h",
    )


def _note_sent_tasks() -> list[tuple[str, str]]:
    """A list that fills with (task id, queue) of every message this process sends."""
    from celery.signals import before_task_publish

    sent: list[tuple[str, str]] = []

    @before_task_publish.connect(weak=False)
    def note(headers=None, routing_key=None, **_kwargs) -> None:
        sent.append(((headers or {}).get("id", ""), routing_key or ""))

    return sent
