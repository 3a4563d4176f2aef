"""A chain: fetch, process, save, each step with what the one before returned.

The steps of a pipeline fail for different reasons, and each should be tried again by itself.  So
each is a task, and a chain puts them in order: the result of a step is the first argument of the
next.  Nobody waits in between.  The rest of the chain travels in the message of each step, and
the worker that has done a step sends the next one.

The second chain has its steps in the wrong order.  So its middle one fails, and you see what
each of the three ids says then.

The tasks are `fetch_data`, `process_item` and `save_result` in tasks/advanced_tasks/timetable.py.

    ./lab run 11        # about 1 s

Watch: http://localhost:5555/tasks lists three tasks of the first chain and two of the second:
its last step was never sent.  A task's own page names its parent and its root.

You should see:

    .delay() returned one result, of the last step; .parent leads to the others
    fetch_data    SUCCESS  north has 4 flights
    process_item  SUCCESS  north has 3 routes
    save_result   SUCCESS  they are in results/north.json
    true: each step worked on what the one before had returned
    true: each step is the parent of the next one
    now in the wrong order
    fetch_data    SUCCESS  north has 4 flights
    save_result   FAILURE  ValueError: data must be what process_item returns, got ...
    process_item  FAILURE  ValueError: data must be what process_item returns, got ...
    true: the middle step failed, and .get() raises its error
    true: the last step has the same error, and was never started

Try next.  Guess first:
  1. Write process_item.si("north").  Which step of the first chain fails, and what does it get?
  2. Write fetch_data.s("west"), which is no timetable.  What does the id of the last step say?
  3. Give one step another queue: process_item.s().set(queue="basic").  What else changes?
"""

from celery import chain
from celery.result import AsyncResult

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from tasks.advanced_tasks import fetch_data, process_item, save_result

TIMEOUT_S = 10  # three steps take milliseconds; the rest is room for a busy worker


def main() -> None:
    with state_reports() as reports:
        saved = chain(fetch_data.s("north"), process_item.s(), save_result.s()).delay()
        saved.get(timeout=TIMEOUT_S)
        # An AsyncResult made from an id has no .parent.  The backend keeps `parent_id`, one step
        # at a time; whoever will ask later, in another process, had better keep all three ids.
        steps = [saved.parent.parent, saved.parent, saved]
        parents = [reports.of(step.id)[-1].get("parent_id") for step in steps]
    print(".delay() returned one result, of the last step; .parent leads to the others")
    timetable, summary, file = (step.get() for step in steps)
    show("fetch_data", steps[0], f"north has {len(timetable['flights'])} flights")
    show("process_item", steps[1], f"north has {len(summary['routes'])} routes")
    show("save_result", steps[2], f"they are in {file['file']}")
    # Called here as plain functions, with those results, the steps must come to the same.
    claim(
        (process_item(timetable), save_result(summary)) == (summary, file),
        "each step worked on what the one before had returned",
    )
    claim(
        parents == [None, steps[0].id, steps[1].id],
        "each step is the parent of the next one",
    )

    print("now in the wrong order")
    with state_reports() as reports:
        last = chain(fetch_data.s("north"), save_result.s(), process_item.s()).delay()
        # Nobody has to ask the steps one by one: an error ends the whole chain.
        error = last.get(timeout=TIMEOUT_S, propagate=False)
        middle, first = last.parent, last.parent.parent
        states = [report["status"] for report in reports.also_later(last.id)]
    show("fetch_data", first, f"north has {len(first.get()['flights'])} flights")
    show("save_result", middle, describe(middle))
    show("process_item", last, describe(last))
    claim(
        isinstance(error, ValueError) and middle.failed() and first.successful(),
        "the middle step failed, and .get() raises its error",
    )
    claim(
        states == ["FAILURE"] and str(last.result) == str(middle.result),
        "the last step has the same error, and was never started",
    )


def show(task: str, result: AsyncResult, text: str) -> None:
    print(f"{task:<14}{result.state:<9}{text}")


def describe(failed: AsyncResult) -> str:
    return f"{type(failed.result).__name__}: {failed.result}"


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
