"""Signatures: write a call down, complete it later, hand it on, and send it.

`total_price.delay(12900, 2)` sends a task.  `total_price.s(12900, 2)` only writes down what
should be sent: which task, which arguments, which options.  It is a value like any other.  It
can be kept, completed later, given to a function, and put into a message.  All workflows of the
next lessons are put together from signatures.

The tasks are `total_price`, `with_fee` and `price_and_tell` in tasks/advanced_tasks/prices.py.
The other program is other_program.py, beside this file.

    ./lab run 10        # about 2 s

Watch: http://localhost:5555/tasks lists total_price again and again, and with_fee after it.  The
plain call and .apply() are not in the list: they sent nothing.

You should see:

    a signature: tasks.advanced_tasks.prices.total_price(12900, 2)
    as JSON:
    {"task": "tasks.advanced_tasks.prices.total_price", "args": [12900, 2],
    "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}
    sent: 25800, by process ... of ...; this is process ...
    applied: 25800; to the result backend its id is PENDING
    called: 25800
    true: what is sent runs in another process; what is applied or called runs here
    total_price.s(2).delay(12900): 25800
    total_price.si(9900, 1), after a task that brought 25800: 9900
    with {'countdown': 0.5}: the answer came after ... s
    true: the options belong to the signature
    a function that does not know the task sent it: [12900, 25800]
    a task that does not know with_fee sent it: 26300
    a chain (total_price.s(2) | with_fee.s()), called with 12900: 26300
    a group for 1, 2 and 9 seats, called with 12900: [12900, 25800, 116100]
    other program: import tasks: No module named 'tasks'
    other program: send_task("tasks.advanced_tasks.prices.total_price"): 25800

Arguments that come later go in front: 12900 became the price in front of the 2 seats.  An
immutable signature, .si(), takes none: the 25800 was not wanted.  And a program that cannot
import the task had it done.

Try next.  Guess first:
  1. Write for_two.delay() without the 12900.  Who says so, the caller or the worker?
  2. Write with_fee.si() in `to_pay`.  What does with_fee miss then?
  3. Misspell the task's name in other_program.py.  Which side gets the error?
"""

import json
import os
import time
from textwrap import fill
from typing import Any

from celery import Signature, group, signature

from celery_app import app
from labkit.lesson import claim, run_lesson
from labkit.lesson.elsewhere import run_elsewhere
from labkit.lesson.state_reports import state_reports
from tasks.advanced_tasks import price_and_tell, total_price, with_fee

TIMEOUT_S = 10  # nothing here takes 1 s; the rest is room for a busy worker
WAIT_S = 0.5  # longer than the milliseconds that the task takes without it
OTHER_PROGRAM = "examples/advanced/other_program.py"


def main() -> None:
    # Calls, written down: nothing runs yet, and nothing is sent.
    # region signatures
    two_seats = total_price.s(12900, 2)  # total_price(12900, 2), later and elsewhere
    for_two = total_price.s(2)  # not complete: what comes later goes in front of the 2
    fixed = total_price.si(9900, 1)  # immutable: the result of the task before is not wanted
    later = total_price.s(12900, 2).set(countdown=WAIT_S)  # with options
    to_pay = total_price.s(2) | with_fee.s()  # a chain
    by_seats = group(total_price.s(seats) for seats in (1, 2, 9))
    # endregion

    # Each of them is a dict, so it can be kept and sent as JSON.
    print(f"a signature: {two_seats}")
    text = json.dumps(two_seats)
    print(f"as JSON:\n{fill(text, 72)}")

    # Whoever reads the JSON has the same signature.  To send it brings a worker into play.
    with state_reports() as reports:
        result = signature(json.loads(text)).delay()
        sent = result.get(timeout=TIMEOUT_S)
        pid, worker = reports.who_started(result.id)
        print(f"sent: {sent}, by process {pid} of {worker}; this is process {os.getpid()}")

    # Without a worker, in a test for example: .apply() does what a worker would do with the task,
    # retries too, but here and at once.  A plain call runs the function, and nothing of Celery.
    applied = two_seats.apply()
    unknown = app.AsyncResult(applied.id).state
    print(f"applied: {applied.get()}; to the result backend its id is {unknown}")
    print(f"called: {two_seats()}")
    claim(
        reports.ran_elsewhere(result.id) and unknown == "PENDING",
        "what is sent runs in another process; what is applied or called runs here",
    )

    # Arguments that come later go in front.  In a chain the result of the task before is such an
    # argument; .si() says that it is not wanted.
    completed = for_two.delay(12900)
    print(f"total_price.s(2).delay(12900): {completed.get(timeout=TIMEOUT_S)}")
    immutable = (two_seats | fixed).delay().get(timeout=TIMEOUT_S)
    print(f"total_price.si(9900, 1), after a task that brought {sent}: {immutable}")

    # When and where it shall run is written down, too, and not only what.
    start = time.monotonic()
    later.delay().get(timeout=TIMEOUT_S)
    waited_s = time.monotonic() - start
    print(f"with {later.options}: the answer came after {waited_s:.2f} s")
    claim(waited_s >= WAIT_S, "the options belong to the signature")

    # Who gets a signature can complete and send it, and need not know which task it is.
    prices = ask_for_seats(total_price.s(12900), [1, 2])
    print(f"a function that does not know the task sent it: {prices}")
    follower_id = price_and_tell.delay(12900, 2, then=with_fee.s()).get(timeout=TIMEOUT_S)
    told = app.AsyncResult(follower_id).get(timeout=TIMEOUT_S)
    print(f"a task that does not know with_fee sent it: {told}")

    # Workflows are signatures, too.  To call one is a short way to write .delay().
    paid = to_pay(12900).get(timeout=TIMEOUT_S)
    print(f"a chain (total_price.s(2) | with_fee.s()), called with 12900: {paid}")
    row = by_seats(12900).get(timeout=TIMEOUT_S)
    print(f"a group for 1, 2 and 9 seats, called with 12900: {row}")

    # A name is enough for app.send_task(): the other program has no file of ours.
    for line in run_elsewhere(OTHER_PROGRAM):
        print(f"other program: {line}")


def ask_for_seats(price: Signature, numbers: list[int]) -> list[Any]:
    """A plain function: it completes a signature, of which task it does not know."""
    results = [price.delay(seats=number) for number in numbers]
    return [result.get(timeout=TIMEOUT_S) for result in results]


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
