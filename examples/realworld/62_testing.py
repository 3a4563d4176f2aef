"""Testing: test five tasks in four ways, and see which bug each way finds.

A task can be tested in four ways, and each one runs more of it than the one before:

- function: call the plain function in work/.  No Celery, some microseconds.
- called: call the task as a function, `task(...)`.  Its own lines run, too, in this process.
- eager: `task_always_eager` makes .delay() run the task here, at once.  Its arguments are written
  as JSON and read again, as they would be for a message.
- worker: a real worker, a real broker.  Everything runs, some seconds with the start.

Here are five tasks, and one test for each: these arguments, that result.  Four of the five have a
bug.  The lesson runs each test in all four ways, and writes down what failed.

The lowest row is why tests with a real worker are worth their seconds.  Nothing else in it is
wrong: the function is right, the task calls it rightly, and eager is content.

The tasks are in tasks/realworld_tasks/baggage.py, the functions in work/orders/baggage.py.

    ./lab run 62        # about 4 s

Watch: http://localhost:5555/tasks shows what the last way has sent: three successes and one
failure.  The first three ways send nothing, and so Flower has nothing of them.

You should see:

    $ ./start_worker.sh -n lesson62@%h --queues=lesson62 --concurrency=1
    what is wrong                    function  called    eager     worker
    nothing                          passes    passes    passes    passes
    the function                     fails     fails     fails     fails
    how the task calls it            passes    fails     fails     fails
    a set as an argument             passes    passes    fails     fails
    a set as the result              passes    passes    passes    fails
    eager says:  EncodeError: Object of type set is not JSON serializable
    worker says: EncodeError(...)
    one round: function ... ms, called ... ms, eager ... ms, worker ... ms
    true: each way found one bug more than the way before it
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
from labkit.lesson import claim, run_lesson
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


def main() -> None:
    with own_queues(QUEUE), own_worker("lesson62", [QUEUE], "--concurrency=1"):
        ways = {"function": by_function, "called": by_call, "eager": eagerly, "worker": by_worker}
        took_s = dict.fromkeys(ways, 0.0)
        errors: dict[tuple[str, str], Exception | None] = {}
        for way, run in ways.items():
            for wrong, function, task, arguments, expected in TESTS:
                begin = time.perf_counter()
                errors[wrong, way] = error_of(run, function, task, arguments, expected)
                took_s[way] += time.perf_counter() - begin

    print(f"{'what is wrong':<33}{''.join(f'{way:<10}' for way in ways).rstrip()}")
    for wrong, *_ in TESTS:
        cells = [f"{'fails' if errors[wrong, way] else 'passes':<10}" for way in ways]
        print(f"{wrong:<33}{''.join(cells).rstrip()}")
    refused = errors["a set as an argument", "eager"]
    print(f"eager says:  {type(refused).__name__}: {refused}")
    print(f"worker says: {errors['a set as the result', 'worker']!r}")
    times = ", ".join(f"{way} {1000 * seconds:.2f} ms" for way, seconds in took_s.items())
    print(f"one round: {times}")

    found = [sum(bool(errors[wrong, way]) for wrong, *_ in TESTS) for way in ways]
    claim(found == [1, 2, 3, 4], "each way found one bug more than the way before it")
    last = [bool(errors["a set as the result", way]) for way in ways]
    claim(
        last == [False, False, False, True],
        "only the real worker found the result that cannot be stored",
    )


def error_of(run: Callable, function: Callable, task: Task, arguments: tuple, expected: Any):
    """The error of one test in one way; None where it passes."""
    try:
        got = run(function, task, arguments)
        assert got == expected, f"expected {expected}, got {got}"
    except Exception as error:  # noqa: BLE001  (whatever it is, the test has failed)
        return error
    return None


def by_function(function: Callable, _task: Task, arguments: tuple) -> Any:
    return function(*arguments)


def by_call(_function: Callable, task: Task, arguments: tuple) -> Any:
    return task(*arguments)


def eagerly(_function: Callable, task: Task, arguments: tuple) -> Any:
    app.conf.task_always_eager = True  # in a test: for one test only, and put back after it
    try:
        return task.delay(*arguments).get()
    finally:
        app.conf.task_always_eager = False


def by_worker(_function: Callable, task: Task, arguments: tuple) -> Any:
    return task.apply_async(arguments, queue=QUEUE).get(timeout=TIMEOUT_S)


if __name__ == "__main__":
    run_lesson(main, queues=[])
