"""The basic level in one script: send work, get results, follow a task.

A task is a function that another process runs.  `.delay()` sends the call and returns at once
with a receipt.  The receipt knows the task's id, asks for its state, and brings its result.
The lessons 00 to 09 take these steps one by one.

    ./lab run basic_usage        # about 3 s

Watch: http://localhost:5555/tasks lists the five tasks, and the failed one among them.

You should see:

    two calls were sent in ... ms; add.delay(4, 5) has the id ...
    4 + 5 = 9
    6 * 7 = 42
    nap: STARTED, ready: False
    nap: SUCCESS, ready: True, it slept ... s
    progress seen: ... of 4
    words: {'to': 4, 'be': 3, 'or': 1, 'not': 1}
    divide(1, 0): FAILURE ZeroDivisionError('division by zero')
    true: the progress never went back
"""

import time

from labkit.lesson import claim, run_lesson
from labkit.lesson.progress import follow
from labkit.waiting import wait_until
from tasks.basic_tasks import add, divide, multiply, nap, word_counts_of_all

TIMEOUT_S = 20  # everything here takes 3 s; the rest is room for a slow laptop
NAP_S = 1  # long enough to be seen while it runs
PAUSE_S = 0.3  # after each document, so that the progress can be seen
DOCUMENTS = ["to be", "or not", "to be", "to be to"]


def main() -> None:
    # .delay() only puts a message on the queue; .get() waits for what a worker makes of it.
    start = time.monotonic()
    total, product = add.delay(4, 5), multiply.delay(6, 7)
    sent_ms = 1000 * (time.monotonic() - start)
    print(f"two calls were sent in {sent_ms:.0f} ms; add.delay(4, 5) has the id {total.id}")
    print(f"4 + 5 = {total.get(timeout=TIMEOUT_S)}")
    print(f"6 * 7 = {product.get(timeout=TIMEOUT_S)}")

    # The id is enough to ask for the state: another program could do it, too.
    task_id = nap.delay(NAP_S).id
    resting = nap.AsyncResult(task_id)
    wait_until(lambda: resting.state != "PENDING", TIMEOUT_S)
    print(f"nap: {resting.state}, ready: {resting.ready()}")
    slept_s = resting.get(timeout=TIMEOUT_S)
    print(f"nap: {resting.state}, ready: {resting.ready()}, it slept {slept_s:.1f} s")

    # A task can say how far it is, in a state of its own.  follow() asks for .info until .ready()
    # is true; lesson 06 has that loop.
    counting = word_counts_of_all.delay(DOCUMENTS, pause_s=PAUSE_S)
    seen = follow(counting, "documents")
    print(f"progress seen: {seen} of {len(DOCUMENTS)}")
    print(f"words: {counting.get(timeout=TIMEOUT_S)}")

    # What a task raises is stored as its result.  .get() would raise it here;
    # propagate=False hands it over as a value.
    division = divide.delay(1, 0)
    error = division.get(timeout=TIMEOUT_S, propagate=False)
    print(f"divide(1, 0): {division.state} {error!r}")

    claim(seen == sorted(seen), "the progress never went back")


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
