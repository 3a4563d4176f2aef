"""Progress: follow a long task from outside, and see what JSON does to values on the way.

A long task should say how far it is.  `word_counts_of_all` does so after each document: it calls
`self.update_state()`, which stores "PROGRESS, 3 of 8" in the result backend, over the last state.
Whoever has the id can read that.  Here it becomes a bar.  In the end the result stands in the same
place, and the progress is gone.

What a task gets, reports and returns travels as JSON, and JSON knows fewer kinds of values than
Python.  The second half sends five values to `describe`, which tells what arrived.  Both tasks
are in tasks/basic_tasks.py.

    ./lab run 06        # about 4 s

Watch: http://localhost:5555/tasks says STARTED while the bar moves.  Flower listens to the
events of the workers, and PROGRESS is none of them: only the result backend has it.

You should see:

    the bar stood at ... of 8 documents
    at the end: SUCCESS, and "to" was counted 4 times
    true: the bar moved at least 4 times while the task ran, and never back
    true: in the end the answer stood where the progress had been
    what was sent                       what arrived
    tuple (1, 2)                        list [1, 2]
    set {1, 2}                          not sent: EncodeError
    datetime 2026-01-31 07:30:00+00:00  datetime 2026-01-31 07:30:00+00:00
    Decimal 9.90                        Decimal 9.90
    dict {1: 'one'}                     dict {'1': 'one'}
    true: only datetime and Decimal arrived as they were

A set is refused in the process of the caller, before anything is sent.  A task that returns a set
does all its work first, and then fails with the same error.

Try next.  Guess first:
  1. Set PAUSE_S to 0.  What can the bar still show?
  2. Add timedelta(hours=1) to VALUES.  Does it go the way of the datetime, or of the set?
  3. Press Ctrl-C while the bar moves.  Does the task stop?  Flower knows.
"""

import time
from datetime import UTC, datetime
from decimal import Decimal

from kombu.exceptions import EncodeError

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.progress import progress_bar
from tasks.basic_tasks import describe, word_counts_of_all

DOCUMENTS = ["to be", "or not", "to be", "that is", "the question", "to be", "or not", "to be"]
PAUSE_S = 0.3  # after each document, so that the progress can be seen
POLL_S = 0.1  # as often as an eye can follow; a web page would ask every second or two
TIMEOUT_S = 20  # the counting takes 2.4 s; the rest is room for a busy worker
VALUES = [
    (1, 2),
    {1, 2},
    datetime(2026, 1, 31, 7, 30, tzinfo=UTC),
    Decimal("9.90"),
    {1: "one"},
]


def main() -> None:
    task_id = word_counts_of_all.delay(DOCUMENTS, pause_s=PAUSE_S).id
    # region follow
    # From here on the id is all that is used: any other process could do the same.
    result = app.AsyncResult(task_id)
    with progress_bar("documents") as bar:
        while not result.ready():
            # What a task stores beside its state: {"done": 3, "total": 8} with PROGRESS, the
            # pid and the worker with STARTED, nothing with PENDING.
            bar.show(result.info)
            time.sleep(POLL_S)
        # endregion
        bar.fill()
    print("the bar stood at", *bar.stood, f"of {len(DOCUMENTS)} documents")

    words = result.get(timeout=TIMEOUT_S)
    print(f'at the end: {result.state}, and "to" was counted {words["to"]} times')
    steps = bar.stood
    claim(
        len(steps) >= 4 and steps == sorted(steps),
        "the bar moved at least 4 times while the task ran, and never back",
    )
    # There is one place for each id, and each state overwrites what was there before.
    stored = app.AsyncResult(task_id).info
    claim(stored == words, "in the end the answer stood where the progress had been")

    # Called as a function, `describe` tells what we have; nothing travels.  Called by a message, it
    # tells what is left of that behind JSON.
    arrived = {}
    for value in VALUES:
        try:
            arrived[describe(value)] = describe.delay(value).get(timeout=TIMEOUT_S)
        except EncodeError as error:
            arrived[describe(value)] = f"not sent: {type(error).__name__}"
    table("what was sent", "what arrived", rows=arrived.items())
    as_they_were = [sent.split()[0] for sent, came in arrived.items() if sent == came]
    claim(as_they_were == ["datetime", "Decimal"], "only datetime and Decimal arrived as they were")


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
