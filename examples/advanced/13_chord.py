"""A chord: ask three airlines side by side, and choose the cheapest when all have answered.

A chord is a group, its header, and one more task, its body or callback, which gets all results
of the header as one list.  Nobody waits for the header, no slot and no program: the worker that
ends the last member sends the body.  How does it know that this was the last one?  The workers
count in the result backend.  Here you see the keys while it happens.

The tasks are `ask_airline` and `cheapest_offer` in tasks/advanced_tasks/offers.py, and the four
of tasks/advanced_tasks/timetable.py.

    ./lab run 13        # about 3 s

Watch: http://localhost:5555/tasks shows three ask_airline; cheapest_offer comes when the last
one has ended.

You should see:

    the id of the body is   ...
    the id of the header is ..., it has 3 members
    the workers count under the key celery-taskset-meta- and the id of the header
    2 of 3 have answered, the body is PENDING
      .s  how many there are               3
      .j  the results so far, in order     heron, wren
      .d  whose results have been counted  2
    3 of 3 have answered, the body is SUCCESS: {'airline': 'swift', 'price_cents': 11900}
      .c  whether the body was sent        done
    true: the body ran once, and not before the last member had ended
    true: of the count, only the mark is left that it is over
    chain(group, merge_items, save_result) is a chord, its body a chain of merge_items, save_result
    it fetched and processed three regions side by side, and saved results/north+east+south.json
    true: a group with a step after it becomes a chord

Try next.  Guess first:
  1. Put ("tern", 0.1) at the end of ASKED.  Which two are in .j, and in which order?
  2. Write cheapest_offer.si([]) as the body.  What does it complain of?
  3. Write "west" for one of the REGIONS.  Whose error does .get() raise?  (More in lesson 15.)
"""

import json
from typing import Any

import redis
from celery import Signature, chain, chord, group

from celery_app import app
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

# Each airline, and after how many seconds it answers.  The cheapest one is the last to answer.
ASKED = [("heron", 0.3), ("wren", 0.6), ("swift", 2.5)]
TIMEOUT_S = 20  # the slowest takes 2.5 s; the rest is room for a busy worker
REGIONS = ["north", "east", "south"]


# What the workers keep under celery-taskset-meta-ID, by the end of the key.
MEANINGS = {
    "s": "how many there are",
    "j": "the results so far, in order",
    "d": "whose results have been counted",
    "c": "whether the body was sent",
}


def main() -> None:
    client = redis.Redis.from_url(app.conf.result_backend, decode_responses=True)
    with state_reports() as reports:
        body = chord(ask_airline.s(*question) for question in ASKED)(cheapest_offer.s())
        header = body.parent
        print(f"the id of the body is   {body.id}")
        print(f"the id of the header is {header.id}, it has {len(header)} members")
        print("the workers count under the key celery-taskset-meta- and the id of the header")

        wait_until(lambda: counted(client, header.id).get("d") == 2, TIMEOUT_S)
        found, early = counted(client, header.id), body.state
        print(f"{found.get('d')} of {len(header)} have answered, the body is {early}")
        show(found)

        offer = body.get(timeout=TIMEOUT_S)
        body_states = [report["status"] for report in reports.also_later(body.id)]
    print(f"{len(header)} of {len(header)} have answered, the body is {body.state}: {offer}")
    # The last member's worker sends the body first, and clears away after that.
    cleared = wait_until(lambda: counted(client, header.id) == {"c": "done"}, TIMEOUT_S)
    show(counted(client, header.id))

    claim(
        early == "PENDING"
        and body_states == ["STARTED", "SUCCESS"]
        and max(member.date_done for member in header) < body.date_done
        and offer["airline"] == "swift",
        "the body ran once, and not before the last member had ended",
    )
    claim(cleared, "of the count, only the mark is left that it is over")

    # No member is a plain task here: each is a chain.  The body is a chain, too.
    regions = group(fetch_data.s(region) | process_item.s() for region in REGIONS)
    pipeline = chain(regions, merge_items.s(), save_result.s())
    steps = ", ".join(step.name.rpartition(".")[2] for step in pipeline.body.tasks)
    print(
        f"chain(group, {steps}) is a {kind(pipeline)}, its body a {kind(pipeline.body)} of {steps}"
    )
    file = pipeline.delay().get(timeout=TIMEOUT_S)["file"]
    print(f"it fetched and processed three regions side by side, and saved {file}")
    claim(isinstance(pipeline, chord), "a group with a step after it becomes a chord")


def counted(client: redis.Redis, header_id: str) -> dict[str, Any]:
    """What the workers have counted for one header; keys that are not there are left out."""
    key = f"celery-taskset-meta-{header_id}"
    results = [json.loads(text) for text in client.zrange(f"{key}.j", 0, -1)]
    found = {
        "s": client.get(f"{key}.s"),
        "j": ", ".join(result["airline"] for _, _, _, result in results),
        "d": client.scard(f"{key}.d"),
        "c": client.get(f"{key}.c"),
    }
    return {end: value for end, value in found.items() if value}


def show(found: dict[str, Any]) -> None:
    for end, value in found.items():
        print(f"  .{end}  {MEANINGS[end]:<33}{value}")


def kind(workflow: Signature) -> str:
    return type(workflow).__name__.strip("_")


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
