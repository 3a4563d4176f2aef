"""First task: hand a sum to another process, and collect the answer.

A task is a function that another process can be asked to run.  `.delay()` does not run it: it
puts a message on a queue and returns at once with an id.  A worker takes the message, runs the
function and stores the answer under that id.  `.get()` waits for the answer and brings it.

The task is `add` in tasks/basic_tasks.py: three lines, and one of them is the decorator.

    ./lab run 01        # about 1 s

Watch: http://localhost:5555/tasks lists tasks.basic_tasks.add with its arguments and result.

You should see:

    this is process ...
    add(4, 5) is 9, worked out in this process
    add.delay(4, 5) came back after ... ms with the id ...
    .get() brought 9
    the sum was done by process ... of the worker ...
    true: .delay() took less than half a second
    true: another process did the sum

Try next.  Guess first; the worker reloads when you save:
  1. Send add.delay("4", "5").  What is the answer, and who decides that?
  2. Put time.sleep(3) before .get().  How long does .get() wait then?
  3. Let `add` subtract in tasks/basic_tasks.py.  Which of the two sums changes?
"""

import os
import time

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from tasks.basic_tasks import add

TIMEOUT_S = 10  # a sum takes milliseconds; the rest is room for a busy worker


def main() -> None:
    print(f"this is process {os.getpid()}")

    # A task is still a function.  Called like one, it runs here, and no queue is involved.
    print(f"add(4, 5) is {add(4, 5)}, worked out in this process")

    # From here on we note what workers report, to learn which of them did the sum.
    with state_reports() as reports:
        start = time.monotonic()
        # region call
        # The message is on its way when .delay() returns; nothing has been added up yet.
        result = add.delay(4, 5)
        sent_s = time.monotonic() - start

        # Without a timeout, .get() would wait for ever where no worker runs.
        answer = result.get(timeout=TIMEOUT_S)
        # endregion
        print(f"add.delay(4, 5) came back after {1000 * sent_s:.0f} ms with the id {result.id}")
        print(f".get() brought {answer}")

        pid, worker = reports.who_started(result.id)
        elsewhere = reports.ran_elsewhere(result.id)
        print(f"the sum was done by process {pid} of the worker {worker}")

    claim(sent_s < 0.5, ".delay() took less than half a second")
    claim(elsewhere, "another process did the sum")


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
