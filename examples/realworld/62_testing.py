"""Testing: test five tasks in four ways, and see which bug each way finds.

A task can be tested in four ways, and each one runs more of it than the one before:

- function: call the plain function in work/.  No Celery, some microseconds.
- called: call the task as a function, `task(...)`.  Its own lines run, too, in this process.
- eager: `task_always_eager` makes .delay() run the task here, at once.  Its arguments are written
  as JSON and read again, as they would be for a message.
- worker: a real worker, a real broker.  Everything runs, some seconds with the start.

Here are five tasks, and one test for each: these arguments, that result.  Four of the five have a
bug.  The lesson runs each test in all four ways, and writes down what failed.  Each way finds one
bug more than the way before it.

The lowest row is why tests with a real worker are worth their seconds.  Nothing else in it is
wrong: the function is right, the task calls it rightly, and eager is content.

The tasks are in tasks/realworld_tasks/baggage.py, the functions in work/orders/baggage.py.

    ./lab run 62        # about 4 s

Watch: http://localhost:5555/tasks shows what the last way has sent: three successes and one
failure.  The first three ways send nothing, and so Flower has nothing of them.

You should see:

    $ ./start_worker.sh -n lesson62@%h --queues=lesson62 --concurrency=1
    what is wrong          function  called  eager   worker
    nothing                passes    passes  passes  passes
    the function           fails     fails   fails   fails
    how the task calls it  passes    fails   fails   fails
    a set as an argument   passes    passes  fails   fails
    a set as the result    passes    passes  passes  fails
    eager says:  EncodeError: Object of type set is not JSON serializable
    worker says: EncodeError(...)
    one round: function ... ms, called ... ms, eager ... ms, worker ... ms
    true: only the real worker found the result that cannot be stored

How to divide your own tests follows from the table.  Many of the first kind, because most bugs are
there.  One call of each task, to see that it hands its arguments on.  And for each task one trip
through a real worker.  Eager has its place where a whole program shall run without a worker; a
green test there says nothing about acknowledgement, time limits, retries after a wait, or routes.

Try next.  Guess first:
  1. Return sorted(...) from heavy_bags_as_a_set.  Which cells change, and why more than one?  Does
     the test itself still say the right thing?
  2. Add a test for bag_fee with kilograms=-1, where the right result is the ValueError.  In which
     of the four ways is it a ValueError for the caller?
  3. In bag_fee, write time.sleep(2) and give it soft_time_limit=1.  Which way notices?
"""

import time
from collections.abc import Callable
from typing import Any

from celery import Task

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from tasks.realworld_tasks import (
    bag_fee,
    bag_fee_with_a_wrong_function,
    bag_fee_with_swapped_arguments,
    heaviest_bag,
    heavy_bags_as_a_set,
)
from work.orders.baggage import fee_cents, fee_cents_wrong, heaviest_kg, heavy_bags

QUEUE = "lesson62"
TIMEOUT_S = 20  # an answer takes milliseconds; the rest is room for a busy machine

# What is wrong, the function, its task, the arguments, and what should come back.
TESTS: list[tuple[str, Callable, Task, tuple, Any]] = [
    ("nothing", fee_cents, bag_fee, (2, 23), 6100),
    ("the function", fee_cents_wrong, bag_fee_with_a_wrong_function, (1, 10), 2000),
    ("how the task calls it", fee_cents, bag_fee_with_swapped_arguments, (2, 23), 6100),
    ("a set as an argument", heaviest_kg, heaviest_bag, ({8, 23},), 23),
    ("a set as the result", heavy_bags, heavy_bags_as_a_set, ([8, 23, 32], 20), {23, 32}),
]


def by_function(function: Callable, _task: Task, arguments: tuple) -> Any:
    return function(*arguments)


def by_call(_function: Callable, task: Task, arguments: tuple) -> Any:
    return task(*arguments)


# Nothing is sent.  In a test of your own, set it for that test alone, and put it back after it.
def eagerly(_function: Callable, task: Task, arguments: tuple) -> Any:
    app.conf.task_always_eager = True
    try:
        return task.delay(*arguments).get()
    finally:
        app.conf.task_always_eager = False


# Only here do the arguments travel, and only here is the result stored and fetched again.
def by_worker(_function: Callable, task: Task, arguments: tuple) -> Any:
    return task.apply_async(arguments, queue=QUEUE).get(timeout=TIMEOUT_S)


WAYS = {"function": by_function, "called": by_call, "eager": eagerly, "worker": by_worker}


def error_of(run: Callable, function: Callable, task: Task, arguments: tuple, expected: Any):
    """The error of one test in one way; None where it passes."""
    try:
        got = run(function, task, arguments)
        assert got == expected, f"expected {expected}, got {got}"
    except Exception as error:  # noqa: BLE001  (whatever it is, the test has failed)
        return error
    return None


def main() -> None:
    errors: dict[str, dict[str, Exception | None]] = {}
    took_ms = {}
    with own_queues(QUEUE), own_worker("lesson62", [QUEUE], "--concurrency=1"):
        for way, run in WAYS.items():
            begin = time.perf_counter()
            errors[way] = {wrong: error_of(run, *test) for wrong, *test in TESTS}
            took_ms[way] = 1000 * (time.perf_counter() - begin)

    # One row for each test, one column for each way.  Read it from left to right: what a way does
    # not run, it cannot find.
    rows = [
        (wrong, *("fails" if errors[way][wrong] else "passes" for way in WAYS))
        for wrong, *_ in TESTS
    ]
    table("what is wrong", *WAYS, rows=rows)

    # The same words twice, from two places: eager met the set as an argument, the worker as a
    # result.
    refused = errors["eager"]["a set as an argument"]
    print(f"eager says:  {type(refused).__name__}: {refused}")
    print(f"worker says: {errors['worker']['a set as the result']!r}")
    print("one round:", ", ".join(f"{way} {ms:.2f} ms" for way, ms in took_ms.items()))
    claim(
        [way for way in WAYS if errors[way]["a set as the result"]] == ["worker"],
        "only the real worker found the result that cannot be stored",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
