"""A chord: ask three airlines side by side, and choose the cheapest when all have answered.

A chord is a group, its header, and one more task, its body or callback, which gets all results
of the header as one list, in the order of the header.  Nobody waits for the header, no slot and
no program: the worker that ends the last member sends the body.  How it knows that this was the
last one is in lesson 18.

A group inside a chain that has a step after it becomes a chord by itself.  There the members are
chains, and the body is a chain, too.

The tasks are `ask_airline` and `cheapest_offer` in tasks/advanced_tasks/offers.py, and the four
of tasks/advanced_tasks/timetable.py.

    ./lab run 13        # about 4 s

Watch: http://localhost:5555/tasks shows three ask_airline; cheapest_offer comes when the last
one has ended.

You should see:

    2 have answered: wren, swift; the body is PENDING
    3 have answered; the body is SUCCESS
    {'airline': 'swift', 'price_cents': 11900, 'compared': ['heron', 'wren', 'swift']}
    true: the body ran once, and not before the last member had ended
    true: heron answered last, and its answer came first in the list
    chain(group, merge_items, save_result) is a chord, its body is a chain
    it fetched and processed three regions side by side, and saved results/north+east+south.json

Try next.  Guess first:
  1. Put ("tern", 0.1) at the end of ASKED.  Who is in the line of those that have answered?
  2. Write cheapest_offer.si([]) as the body.  What does it complain of?
  3. Write "west" for one of the REGIONS.  Whose error does .get() raise?  (More in lesson 15.)
"""

from celery import chain, chord, group

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from labkit.waiting import wait_until
from tasks.advanced_tasks import (
    ask_airline,
    cheapest_offer,
    fetch_data,
    merge_items,
    process_item,
    save_result,
)

# Each airline, and after how many seconds it answers.  The first one is the last to answer.
ASKED = [("heron", 2.0), ("wren", 0.5), ("swift", 1.0)]
TIMEOUT_S = 20  # the slowest takes 2 s; the rest is room for a busy worker
REGIONS = ["north", "east", "south"]


def main() -> None:
    # chord(header)(body) sends the members, and returns the result of the body.  Its .parent is
    # the group that the body waits for.
    with state_reports() as reports:
        # region chord
        body = chord(ask_airline.s(*question) for question in ASKED)(cheapest_offer.s())
        # endregion
        members = body.parent
        wait_until(lambda: members.completed_count() == len(ASKED) - 1, TIMEOUT_S)
        answered = [one.result["airline"] for one in members if one.successful()]
        early = body.state
        print(f"{len(answered)} have answered: {', '.join(answered)}; the body is {early}")

        offer = body.get(timeout=TIMEOUT_S)
        print(f"{members.completed_count()} have answered; the body is {body.state}")
        print(offer)
        states = [report["status"] for report in reports.also_later(body.id)]

    claim(
        early == "PENDING" and states == ["STARTED", "SUCCESS"],
        "the body ran once, and not before the last member had ended",
    )
    last = max(members, key=lambda member: member.date_done)
    claim(
        last.result["airline"] == offer["compared"][0] == "heron",
        "heron answered last, and its answer came first in the list",
    )

    # No member is a plain task here: each is a chain.  Celery makes a chord of a group that has a
    # step after it, and what follows becomes the body.
    # region pipeline
    regions = group(fetch_data.s(region) | process_item.s() for region in REGIONS)
    pipeline = chain(regions, merge_items.s(), save_result.s())
    # endregion
    kind, of_body = pipeline.subtask_type, pipeline.body.subtask_type
    print(f"chain(group, merge_items, save_result) is a {kind}, its body is a {of_body}")
    file = pipeline.delay().get(timeout=TIMEOUT_S)["file"]
    print(f"it fetched and processed three regions side by side, and saved {file}")


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
