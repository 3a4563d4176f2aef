"""A slow task: go on while it runs, and ask for the result later, from anywhere, by its id.

A web page, a button, a script: whoever asks for slow work should not have to stand and wait.
The caller keeps the id, a short text that fits into a database or a web address, and goes on.
Later somebody asks for the result by that id: here another process, which has never seen the
task being sent.  A real web page would ask every second or two (lesson 57).

The task is `nap` in tasks/basic_tasks.py.

    ./lab run 04        # about 11 s

Watch: http://localhost:5555/tasks shows the nap as STARTED for ten seconds.

You should see:

    nap.delay(10) came back after ... ms
    meanwhile this process added the numbers from 1 to 1000000: 500000500000
    the nap is STARTED, ... s after it was sent
    $ celery -A celery_app result ...
    10...
    the result came ... s after the nap was sent
    true: sending a task of 10 s took less than half a second
    true: the caller had done other work while the task ran
    true: another process got the result, by the id alone

Try next.  Guess first:
  1. Send five naps and ask for the last one.  A worker has four slots: how long does it take?
  2. Type that celery line again in a second terminal.  Can a result be read twice?
  3. Type it with an id that nobody sent.  What do you wait for?  (Ctrl-C ends it.)
"""

import time

from celery_app import app
from labkit.lesson import claim, run_lesson
from labkit.own.command import celery
from labkit.waiting import wait_until
from tasks.basic_tasks import nap

NAP_S = 10
TIMEOUT_S = 40  # the nap takes 10 s; the rest is room for a busy worker


def main() -> None:
    start = time.monotonic()
    # region send
    # The call is over before the work has begun: all that is waited for is the broker.  Of what
    # comes back, the id is worth keeping: a text that fits into a database or a web address.
    task_id = nap.delay(NAP_S).id
    # endregion
    sent_s = time.monotonic() - start
    print(f"nap.delay({NAP_S}) came back after {1000 * sent_s:.0f} ms")

    # Nothing holds this process up.
    total = sum(range(1, 1_000_001))
    print(f"meanwhile this process added the numbers from 1 to 1000000: {total}")
    # region ask
    # The id alone leads back to the task, in this process or in any other one.
    result = app.AsyncResult(task_id)
    # endregion
    runs = wait_until(lambda: result.state == "STARTED", TIMEOUT_S)
    print(f"the nap is {result.state}, {time.monotonic() - start:.1f} s after it was sent")

    # Celery's own command asks the result backend, and waits if there is nothing yet.  Any
    # process that can reach the backend can do this, on any machine, until the result expires.
    printed = celery("result", task_id).show()
    took_s = time.monotonic() - start
    print(f"the result came {took_s:.1f} s after the nap was sent")

    claim(sent_s < 0.5, f"sending a task of {NAP_S} s took less than half a second")
    claim(runs, "the caller had done other work while the task ran")
    slept_s = result.get(timeout=TIMEOUT_S)
    claim(printed.strip() == str(slept_s), "another process got the result, by the id alone")


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
