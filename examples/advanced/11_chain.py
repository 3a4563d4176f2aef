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
    step          state    result
    fetch_data    SUCCESS  {'source': 'north', 'flights': [{'flight': 'TL101', ...
    process_item  SUCCESS  {'source': 'north', 'flights': 4, 'seats': 694, ...
    save_result   SUCCESS  {'file': 'results/north.json', 'size_bytes': 427}
    true: each step worked on what the one before had returned
    true: each step is the parent of the next one
    now in the wrong order
    step          state    result
    fetch_data    SUCCESS  {'source': 'north', 'flights': [{'flight': 'TL101', ...
    save_result   FAILURE  ValueError("data must be what process_item returns...
    process_item  FAILURE  ValueError("data must be what process_item returns...
    true: the last step has the error of the middle one, and was never started

Try next.  Guess first:
  1. Write process_item.si("north").  Which step of the first chain fails, and what does it get?
  2. Write fetch_data.s("west"), which is no timetable.  What does the id of the last step say?
  3. Give one step another queue: process_item.s().set(queue="basic").  What else changes?
"""

from celery import chain
from celery.result import AsyncResult

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.state_reports import state_reports
from tasks.advanced_tasks import fetch_data, process_item, save_result

TIMEOUT_S = 10  # three steps take milliseconds; the rest is room for a busy worker


def main() -> None:
    # The ids of all steps are drawn here, in advance; the message of the first step is the only
    # one that this program sends.
    # region chain
    saved = chain(fetch_data.s("north"), process_item.s(), save_result.s()).delay()
    saved.get(timeout=TIMEOUT_S)  # of the last step, or the error of the step that failed
    # endregion
    print(".delay() returned one result, of the last step; .parent leads to the others")
    steps = [saved.parent.parent, saved.parent, saved]
    show(["fetch_data", "process_item", "save_result"], steps)

    # Called here as plain functions, with those results, the steps must come to the same.
    timetable, summary, file = (step.result for step in steps)
    claim(
        (process_item(timetable), save_result(summary)) == (summary, file),
        "each step worked on what the one before had returned",
    )

    # An AsyncResult made from an id has no .parent.  The backend keeps `parent_id`, one step
    # at a time; whoever will ask later, in another process, had better keep all three ids.
    parents = [app.backend.get_task_meta(step.id).get("parent_id") for step in steps]
    claim(parents == [None, steps[0].id, steps[1].id], "each step is the parent of the next one")

    # Nobody has to ask the steps one by one: an error ends the whole chain, so .get() of the last
    # result raises it.  propagate=False hands it over as a value, and the lesson can go on.
    print("now in the wrong order")
    with state_reports() as reports:
        last = chain(fetch_data.s("north"), save_result.s(), process_item.s()).delay()
        error = last.get(timeout=TIMEOUT_S, propagate=False)
        states = [report["status"] for report in reports.also_later(last.id)]
    middle = last.parent
    show(["fetch_data", "save_result", "process_item"], [middle.parent, middle, last])
    claim(
        states == ["FAILURE"] and str(error) == str(middle.result),
        "the last step has the error of the middle one, and was never started",
    )


def show(names: list[str], steps: list[AsyncResult]) -> None:
    results = [f"{step.result!r:.55}" for step in steps]  # the beginning will do
    states = [step.state for step in steps]
    table("step", "state", "result", rows=zip(names, states, results, strict=True))


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
