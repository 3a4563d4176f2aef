"""apply_async: say when a task may start, until when, and on which queue.

`.delay(2, 3)` is the short form of `.apply_async((2, 3))`.  The long form takes options, and they
travel with the message:

    countdown=1     not before one second from now
    eta=a datetime  not before that moment
    expires=1       not after one second from now; then it is thrown away
    queue="name"    on that queue, whatever task_routes says

"Not before" is a promise, "exactly then" is not: the task starts when a slot is free.  Keep such
waits short.  A countdown longer than the visibility timeout (an hour here) runs more than once
(lesson 32); for tomorrow, write it into a database and let Beat send what is due.

The tasks are `add` and `whoami` in tasks/basic_tasks.py.

    ./lab run 05        # about 4 s

Watch: http://localhost:5555/tasks shows the one that came too late as REVOKED.

You should see:

    add.delay(2, 3) brought 5, add.apply_async((2, 3)) brought 5
    countdown=1: the answer came ... s after it was sent
    true: countdown held its task back for 1 s
    eta=...: the answer came ... s after that moment
    true: no answer came before the eta
    countdown=1, expires=0.5: REVOKED, TaskRevokedError('expired')
    true: what became due after it had expired was never started
    no queue named: it ran from the queue basic
    queue="advanced": it ran from the queue advanced, whatever the route says

Try next.  Guess first:
  1. Write expires=5.  Which claim does not hold any more?
  2. Set the eta to one minute ago.  Is the task refused, or run at once?
  3. Write add.apply_async((2,), {"y": 3}).  What goes into the first place, what into the second?
"""

import time
from datetime import UTC, datetime, timedelta

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from tasks.basic_tasks import add, whoami

TIMEOUT_S = 10  # nothing here is due later than in 1.5 s; the rest is room for a busy worker


def main() -> None:
    # Two ways to write one call.  The arguments of apply_async() are a tuple, so that there is room
    # for options beside them.
    short, long = add.delay(2, 3), add.apply_async((2, 3))
    sums = [short.get(timeout=TIMEOUT_S), long.get(timeout=TIMEOUT_S)]
    print("add.delay(2, 3) brought {}, add.apply_async((2, 3)) brought {}".format(*sums))

    # A worker takes a message with a countdown at once, and keeps it in its memory until then.
    start = time.monotonic()
    add.apply_async((2, 3), countdown=1).get(timeout=TIMEOUT_S)
    waited_s = time.monotonic() - start
    print(f"countdown=1: the answer came {waited_s:.2f} s after it was sent")
    claim(waited_s >= 1, "countdown held its task back for 1 s")

    # region eta
    # With a time zone, always: a naive datetime is read as UTC, whatever `timezone` says.
    eta = datetime.now(UTC) + timedelta(seconds=1)
    add.apply_async((2, 3), eta=eta).get(timeout=TIMEOUT_S)
    # endregion
    late_s = (datetime.now(UTC) - eta).total_seconds()
    print(f"eta={eta:%H:%M:%S.%f}: the answer came {late_s:.3f} s after that moment")
    claim(late_s >= 0, "no answer came before the eta")

    # Too late on purpose: it is due after 1 s, and of use to nobody after 0.5 s.  The state alone
    # would not say whether it had begun before, so we note what workers report.
    with state_reports() as reports:
        # region expires
        stale = add.apply_async((2, 3), countdown=1, expires=0.5)
        outcome = stale.get(timeout=TIMEOUT_S, propagate=False)
        # endregion
        states = [report["status"] for report in reports.of(stale.id)]
    print(f"countdown=1, expires=0.5: {stale.state}, {outcome!r}")
    claim(states == ["REVOKED"], "what became due after it had expired was never started")

    # task_routes sends all tasks of this module to the queue basic.  Who names a queue is stronger.
    routed = whoami.apply_async().get(timeout=TIMEOUT_S)["queue"]
    print(f"no queue named: it ran from the queue {routed}")
    named = whoami.apply_async(queue="advanced").get(timeout=TIMEOUT_S)["queue"]
    print(f'queue="advanced": it ran from the queue {named}, whatever the route says')


if __name__ == "__main__":
    run_lesson(main, queues=["basic", "advanced"])
