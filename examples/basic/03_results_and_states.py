"""Results and states: ask what became of a task, and collect its answer or its error.

An id is all that the caller holds.  With it, and from any process, you can ask the result
backend: what is the state, is it over, what came out?  Here a few tasks are caught in each of
the six usual states.  One of them misleads most beginners: PENDING does not say "it waits in
the queue".  It says "nothing is stored under this id".

The tasks are `add`, `nap`, `divide` and `ask_until_ready` in tasks/basic_tasks.py.

    ./lab run 03        # about 4 s

Watch: http://localhost:5555/tasks has a column State.  The id that nobody sent is not there:
Flower lists what it has heard of.

You should see:

    an id that nobody ever sent: PENDING, ready() is False
    add(1, 2), due in 3 s: PENDING, ready() is False
    the same, called off: REVOKED, .get() raised TaskRevokedError('revoked')
    nap(1.5): STARTED, in process ... of ..., ready() is False
      .get(timeout=0.1) raised TimeoutError
    nap(1.5): SUCCESS, ready() is True, successful() is True, and it brought ...
    divide(1, 0): FAILURE, ready() is True, successful() is False
      .get(propagate=False) handed over ZeroDivisionError('division by zero')
      .traceback ends with: ZeroDivisionError: division by zero
    ask_until_ready(2): RETRY, NotYet('not ready at attempt 1')
    ask_until_ready(2): SUCCESS, 'answered at attempt 2'
    true: a task that waits and an id that nobody sent look the same
    true: when .get() gives up, the task goes on
    true: the caller has the line where the task failed

Try next.  Guess first:
  1. Leave out propagate=False.  What ends the lesson, and in which process was it raised first?
  2. Write running.get(timeout=5).  Which line goes away, and what does the lesson say to that?
  3. Write ask_until_ready.delay(2, wait_s=4).  For how long can RETRY be seen?
"""

import uuid

from celery import exceptions

from celery_app import app
from labkit.lesson import claim, run_lesson
from labkit.waiting import wait_until
from tasks.basic_tasks import add, ask_until_ready, divide, nap

TIMEOUT_S = 10  # no task here takes 3 s; the rest is room for a busy worker


def main() -> None:
    # An AsyncResult is no more than an id and the address of the backend.  So anybody can make one,
    # for any id, and nothing is stored under this one.
    unknown = app.AsyncResult(str(uuid.uuid4()))
    print(f"an id that nobody ever sent: {unknown.state}, ready() is {unknown.ready()}")
    waiting = add.apply_async((1, 2), countdown=3)
    print(f"add(1, 2), due in 3 s: {waiting.state}, ready() is {waiting.ready()}")
    look_the_same = unknown.state == waiting.state

    # revoke() tells the workers to throw the task away when they come to it.
    waiting.revoke()
    try:
        waiting.get(timeout=TIMEOUT_S)
    except exceptions.TaskRevokedError as error:
        print(f"the same, called off: {waiting.state}, .get() raised {error!r}")

    # STARTED exists because task_track_started is on; while it is off, running is PENDING, too.
    running = nap.delay(1.5)
    wait_until(lambda: running.state == "STARTED", TIMEOUT_S)
    process = "process {pid} of {hostname}".format(**running.info)
    print(f"nap(1.5): {running.state}, in {process}, ready() is {running.ready()}")

    # region timeout
    # A timeout ends the waiting, and not the task: ask again, and it is there.
    try:
        running.get(timeout=0.1)
    except exceptions.TimeoutError:
        print("  .get(timeout=0.1) raised TimeoutError")
    slept_s = running.get(timeout=TIMEOUT_S)
    # endregion
    ended = f"ready() is {running.ready()}, successful() is {running.successful()}"
    print(f"nap(1.5): {running.state}, {ended}, and it brought {slept_s:.3f}")

    # region error
    # .get() raises what the task raised.  propagate=False hands it over as a value instead.
    failed = divide.delay(1, 0)
    error = failed.get(timeout=TIMEOUT_S, propagate=False)
    # endregion
    ended = f"ready() is {failed.ready()}, successful() is {failed.successful()}"
    print(f"divide(1, 0): {failed.state}, {ended}")
    print(f"  .get(propagate=False) handed over {error!r}")
    print(f"  .traceback ends with: {failed.traceback.splitlines()[-1]}")

    # A task that waits for its next attempt is in RETRY, and shows why (lesson 16).
    again = ask_until_ready.delay(2)
    wait_until(lambda: again.state == "RETRY", TIMEOUT_S)
    print(f"ask_until_ready(2): {again.state}, {again.info!r}")
    answer = again.get(timeout=TIMEOUT_S)
    print(f"ask_until_ready(2): {again.state}, {answer!r}")

    claim(look_the_same, "a task that waits and an id that nobody sent look the same")
    claim(slept_s >= 1.5, "when .get() gives up, the task goes on")
    claim("return x / y" in failed.traceback, "the caller has the line where the task failed")


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
