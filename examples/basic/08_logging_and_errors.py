"""Logging and errors: find what a task said, why it failed, and what belongs together.

A worker runs where nobody looks.  What a task has to say must be in the worker's log, with the
name and the id of the task.  What goes wrong must be found in one place.  And work that passes
through several tasks needs one id for all of them, for example the number of the order.

Celery does the first; the other two are 70 lines of plain Celery in tasks/log_signals.py, which
the worker of this lesson imports.  Read them first.  The tasks are in tasks/basic_tasks.py:
`greet` logs, `print_greeting` prints (a worker makes a warning of that, which does not say what
task it is from), `divide` fails.

    ./lab run 08        # about 4 s

Watch: http://localhost:5555/tasks has two failed tasks more.  Click on one: Flower shows the same
traceback.

You should see:

    $ ./start_worker.sh -n lesson08@%h --queues=lesson08 --concurrency=1 --include=tasks.log_signals
    in the worker's log (long lines and ids are cut short):
      INFO tasks.basic_tasks.greet[...]: hello, Ada
      WARNING hello, Bob
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

from celery import chain

from labkit.lesson import claim, run_lesson
from labkit.lesson.logs import log_entries, show_log
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from tasks.basic_tasks import add, divide, greet, multiply, print_greeting
from tasks.log_signals import ERROR_LOG, correlation_id

QUEUE = "lesson08"
OPTIONS = ["--concurrency=1", "--include=tasks.log_signals"]
TIMEOUT_S = 10  # nothing here takes a second; the rest is room for a busy machine


def main() -> None:
    ERROR_LOG.unlink(missing_ok=True)
    with own_queues(QUEUE), own_worker("lesson08", [QUEUE], *OPTIONS) as worker:
        # A logger of get_task_logger() adds the name and the id of the task.  print() adds neither:
        # in the log of a busy worker nobody knows who said it.
        greet.apply_async(("Ada",), queue=QUEUE).get(timeout=TIMEOUT_S)
        print_greeting.apply_async(("Bob",), queue=QUEUE).get(timeout=TIMEOUT_S)
        print("in the worker's log (long lines and ids are cut short):")
        show_log(worker.log, " hello, Ada")
        show_log(worker.log, " hello, Bob")

        # Nobody has to catch and log an exception.  The worker writes it down with the traceback,
        # and a handler on the logger `celery` puts it into a file where only errors are.
        failed = divide.apply_async((1, 0), queue=QUEUE)
        failed.get(timeout=TIMEOUT_S, propagate=False)
        print("divide(1, 0), in the worker's log:")
        show_log(worker.log, failed.id, "ERROR")
        print("and in errors.log:")
        show_log(ERROR_LOG, failed.id)
        logs = [worker.log.read_text(), ERROR_LOG.read_text()]
        claim(
            all(failed.traceback in log for log in logs),
            "worker log, error file and .traceback hold the same traceback",
        )

        # The caller names the id once.  In a web application a line of middleware would do it.
        # Signals put it into the headers of each message, and take it out again in the worker.
        correlation_id.set("order-4711")
        steps = [add.s(4, 5), multiply.s(2), divide.s(0)]
        chain(step.set(queue=QUEUE) for step in steps).delay()
        print("order-4711, in the worker's log:")
        ends = show_log(worker.log, "order-4711", count=len(steps))
        print("and in errors.log:")
        errors = show_log(ERROR_LOG, "order-4711")
        claim(
            (len(ends), len(errors)) == (3, 1),
            "one id went from the caller through the whole chain, and into the error file",
        )
        both = len(log_entries(ERROR_LOG)) == 2
        claim(both, "the error file holds these two errors, and nothing else")


if __name__ == "__main__":
    run_lesson(main, queues=[])
