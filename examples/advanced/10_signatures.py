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

    a signature    tasks.advanced_tasks.prices.total_price(12900, 2)
    as JSON        {"task": "tasks.advanced_tasks.prices.total_price", "args": [12900, 2], ...}
    sent           25800, by process ...; this is process ...
    applied        25800; to the result backend its id is PENDING
    called         25800
    completed      total_price.s(2).delay(12900): 25800
    immutable      total_price.si(9900, 1), after a task that brought 25800: 9900
    options        {'countdown': 0.5}: the answer came after ... s
    to a function  it does not know the task, only the signature: [12900, 25800]
    to a task      price_and_tell sent with_fee: 26300
    a chain        (total_price.s(2) | with_fee.s())(12900): 26300
    a group        for 1, 2 and 9 seats, called with 12900: [12900, 25800, 116100]
    other program  import tasks: No module named 'tasks'
    other program  send_task("tasks.advanced_tasks.prices.total_price"): 25800
    true: a signature that travelled as JSON asks for the same
    true: what is sent runs in another process; what is applied or called runs here
    true: later arguments go in front, and an immutable signature takes none
    true: the options belong to the signature
    true: a stored chain and a stored group ran when they got their missing argument
    true: a program that cannot import the task had it done

Try next.  Guess first:
  1. Write total_price.s(2).delay() without the price.  Who says so, the caller or the worker?
  2. Write with_fee.si() in the stored chain.  What does with_fee miss then?
  3. Misspell the task's name in other_program.py.  Which side gets the error?
"""

import json
import os
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

from celery import Signature, group, signature

from celery_app import app
from lab_home import REDIS_URL
from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from tasks.advanced_tasks import price_and_tell, total_price, with_fee

TIMEOUT_S = 10  # nothing here takes 1 s; the rest is room for a busy worker
WAIT_S = 0.5
OTHER_PROGRAM = Path(__file__).with_name("other_program.py")


def main() -> None:
    two_seats = total_price.s(12900, 2)
    show("a signature", two_seats)
    text = json.dumps(two_seats)
    show("as JSON", text)
    from_json = signature(json.loads(text)).delay().get(timeout=TIMEOUT_S)

    with state_reports() as reports:
        result = two_seats.delay()
        sent = result.get(timeout=TIMEOUT_S)
        pid, worker = reports.who_started(result.id)
    show("sent", f"{sent}, by process {pid}; this is process {os.getpid()}")
    elsewhere = (worker.partition("@")[2], pid) != (socket.gethostname(), os.getpid())

    # Without a worker, in a test for example: .apply() does what a worker would do with the task,
    # retries too, but here and at once.  A plain call runs the function, and nothing of Celery.
    applied = two_seats.apply()
    unknown = app.AsyncResult(applied.id).state
    show("applied", f"{applied.get()}; to the result backend its id is {unknown}")
    called = two_seats()
    show("called", called)

    # Arguments that come later go in front.  In a chain the result of the task before is such an
    # argument; .si() says that it is not wanted.
    completed = total_price.s(2).delay(12900).get(timeout=TIMEOUT_S)
    show("completed", f"total_price.s(2).delay(12900): {completed}")
    immutable = (two_seats | total_price.si(9900, 1)).delay().get(timeout=TIMEOUT_S)
    show("immutable", f"total_price.si(9900, 1), after a task that brought {sent}: {immutable}")

    later = total_price.s(12900, 2).set(countdown=WAIT_S)
    start = time.monotonic()
    later.delay().get(timeout=TIMEOUT_S)
    waited_s = time.monotonic() - start
    show("options", f"{later.options}: the answer came after {waited_s:.2f} s")

    prices = ask_for_seats(total_price.s(12900), [1, 2])
    show("to a function", f"it does not know the task, only the signature: {prices}")
    follower_id = price_and_tell.delay(12900, 2, then=with_fee.s()).get(timeout=TIMEOUT_S)
    told = app.AsyncResult(follower_id).get(timeout=TIMEOUT_S)
    show("to a task", f"price_and_tell sent with_fee: {told}")

    # Workflows are signatures, too.  To call one is a short way to write .delay().
    to_pay = total_price.s(2) | with_fee.s()
    paid = to_pay(12900).get(timeout=TIMEOUT_S)
    show("a chain", f"(total_price.s(2) | with_fee.s())(12900): {paid}")
    table = group(total_price.s(seats) for seats in (1, 2, 9))
    row = table(12900).get(timeout=TIMEOUT_S)
    show("a group", f"for 1, 2 and 9 seats, called with 12900: {row}")

    others = run_other_program()
    for line in others:
        show("other program", line)

    claim(from_json == sent, "a signature that travelled as JSON asks for the same")
    claim(
        elsewhere and unknown == "PENDING" and sent == applied.get() == called,
        "what is sent runs in another process; what is applied or called runs here",
    )
    claim(
        (completed, immutable) == (25800, 9900),
        "later arguments go in front, and an immutable signature takes none",
    )
    claim(waited_s >= WAIT_S, "the options belong to the signature")
    claim(
        (paid, row) == (26300, [12900, 25800, 116100]),
        "a stored chain and a stored group ran when they got their missing argument",
    )
    claim(
        others[-1].endswith(" 25800") and "No module named" in others[0],
        "a program that cannot import the task had it done",
    )


def show(what: str, text: object) -> None:
    print(f"{what:<15}{text}")


def ask_for_seats(price: Signature, numbers: list[int]) -> list[Any]:
    """A plain function: it completes a signature, of which task it does not know."""
    results = [price.delay(seats=number) for number in numbers]
    return [result.get(timeout=TIMEOUT_S) for result in results]


def run_other_program() -> list[str]:
    """Run the other program in another folder, where Python finds the libraries and not the lab.

    Returns what it printed; if it failed, the last line is that of its error.
    """
    libraries = sysconfig.get_path("purelib")
    done = subprocess.run(
        [sys.executable, "-S", OTHER_PROGRAM],  # -S: no .pth file adds the lab's folder
        cwd="/",
        env={"PYTHONPATH": libraries, "REDIS_URL": REDIS_URL},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()[-1:]]


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
