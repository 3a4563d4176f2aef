"""Logging and errors: find what a task said, why it failed, and what belongs together.

A worker runs where nobody looks.  What a task has to say must be in the worker's log, with the
name and the id of the task.  What goes wrong must be found in one place.  And work that passes
through several tasks needs one id for all of them, for example the number of the order.

Celery does the first; the other two are 70 lines of plain Celery in tasks/log_signals.py, which
the worker of this lesson imports.  Read them first.  The tasks are in tasks/basic_tasks.py:
`greet` logs, `print_greeting` prints, `divide` fails.

    ./lab run 08        # about 4 s

Watch: http://localhost:5555/tasks has two failed tasks more.  Click on one: Flower shows the same
traceback.

You should see:

    $ ./start_worker.sh -n lesson08@%h --queues=lesson08 --concurrency=1 --include=tasks.log_signals
    in the worker's log (long lines and ids are cut short):
      INFO tasks.basic_tasks.greet[...]: hello, Ada
      WARNING hello, Bob
    true: a task logger adds the name and the id of the task, print() neither
    divide(1, 0), in the worker's log:
      ERROR Task tasks.basic_tasks.divide[...] raised unexpected: ...
    and in errors.log:
      - tasks.basic_tasks.divide[...] Task tasks.basic_tasks.divide[...] raised ...
    true: worker log, error file and .traceback hold the same traceback
    order-4711, in the worker's log:
      INFO tasks.basic_tasks.add[...]: order-4711 SUCCESS
      INFO tasks.basic_tasks.multiply[...]: order-4711 SUCCESS
      INFO tasks.basic_tasks.divide[...]: order-4711 FAILURE
    and in errors.log:
      order-4711 tasks.basic_tasks.divide[...] Task tasks.basic_tasks.divide[...] ...
    true: one id went from the caller through the whole chain, and into the error file
    true: the error file holds these two errors, and nothing else

Try next.  Guess first; the last two are changes of tasks/basic_tasks.py:
  1. Move correlation_id.set("order-4711") to the top of main().  Which lines name the order now?
  2. Let print_greeting print to sys.stderr (file=sys.stderr).  Is it lost?
  3. Let greet use logger.error() in place of logger.info().  Who notices that?
"""

import re
from pathlib import Path

from celery import chain

from labkit.lesson import claim, run_lesson
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.basic_tasks import add, divide, greet, multiply, print_greeting
from tasks.log_signals import ERROR_LOG, correlation_id

QUEUE = "lesson08"
OPTIONS = ["--concurrency=1", "--include=tasks.log_signals"]
TIMEOUT_S = 10  # nothing here takes a second; the rest is room for a busy machine
# What is left out of a line to make it fit: date, time and process, and most of each id.
START_OF_LINE = re.compile(r"^\[?[-\d]+ [\d:,]+:? ")
PROCESS = re.compile(r"^(\w+)/[\w-]+\]")
REST_OF_ID = re.compile(r"(?<=\[[0-9a-f]{8})(-[0-9a-f]+)+")


def main() -> None:
    ERROR_LOG.unlink(missing_ok=True)
    with own_queues(QUEUE), own_worker("lesson08", [QUEUE], *OPTIONS) as worker:
        greet.apply_async(("Ada",), queue=QUEUE).get(timeout=TIMEOUT_S)
        print_greeting.apply_async(("Bob",), queue=QUEUE).get(timeout=TIMEOUT_S)
        print("in the worker's log (long lines and ids are cut short):")
        logged = show(worker.log, "]: hello, Ada")
        printed = show(worker.log, "] hello, Bob")
        claim(
            any(".greet[" in line for line in logged) and printed == ["WARNING hello, Bob"],
            "a task logger adds the name and the id of the task, print() neither",
        )

        failed = divide.apply_async((1, 0), queue=QUEUE)
        failed.get(timeout=TIMEOUT_S, propagate=False)
        print("divide(1, 0), in the worker's log:")
        show(worker.log, failed.id, "ERROR")
        print("and in errors.log:")
        show(ERROR_LOG, failed.id)
        logs = [worker.log.read_text(), ERROR_LOG.read_text()]
        claim(
            all(failed.traceback in log for log in logs),
            "worker log, error file and .traceback hold the same traceback",
        )

        # The caller names the id once.  In a web application a line of middleware would do it.
        correlation_id.set("order-4711")
        steps = [add.s(4, 5), multiply.s(2), divide.s(0)]
        chain(step.set(queue=QUEUE) for step in steps).delay()
        print("order-4711, in the worker's log:")
        ends = show(worker.log, "order-4711", count=len(steps))
        print("and in errors.log:")
        errors = show(ERROR_LOG, "order-4711")
        claim(
            (len(ends), len(errors)) == (3, 1),
            "one id went from the caller through the whole chain, and into the error file",
        )
        starts = [line for line in ERROR_LOG.read_text().splitlines() if START_OF_LINE.match(line)]
        claim(len(starts) == 2, "the error file holds these two errors, and nothing else")


def show(log: Path, *words: str, count: int = 1) -> list[str]:
    """Wait for `count` lines of a log that have all these words; print and return them.

    A worker stores a result first, and then logs what became of the task.
    """

    def found() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if all(word in line for word in words)]

    wait_until(lambda: len(found()) >= count, TIMEOUT_S)
    shown = [
        REST_OF_ID.sub("", PROCESS.sub(r"\1", START_OF_LINE.sub("", line))) for line in found()
    ]
    for line in shown:
        print(f"  {line:.90}")
    return shown


if __name__ == "__main__":
    run_lesson(main, queues=[])
