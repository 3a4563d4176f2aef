"""A group: ask four airlines side by side, and wait as long as for the slowest.

Tasks that do not need one another can run at the same time, on as many slots as there are.  A
group sends them all at once and gives one result for all of them.  It knows how many are done,
and brings the answers in the order of the question, whoever was quicker.

A group is not a task: no message carries it and no worker sees it.  Its list of ids is known to
your program only, unless you save it.

The task is `ask_airline` in tasks/advanced_tasks/offers.py.  It waits as long as it is told.

    ./lab run 12        # about 3 s

Watch: http://localhost:5555/tasks lists four ask_airline, all STARTED at the same time.

You should see:

    4 messages sent in ... ms; the id of the group is ...
    not saved: whoever has this id alone gets None
    saved: whoever has this id alone gets 4 results
    1 of 4 airlines answered after ... s
    2 of 4 airlines answered after ... s
    3 of 4 airlines answered after ... s
    4 of 4 airlines answered after ... s
    airline  price_cents
    heron    14900
    swift    11900
    tern     13400
    wren     12900
    true: the group took at most 1 s longer than its slowest member, 2.0 s, and not 5.0 s
    true: heron was asked first, answered last, and stands first in the result
    true: the restored group has the same answers

Try next.  Guess first; a worker has four slots:
  1. Ask every airline twice: `for question in ASKED * 2`.  How long is it now?
  2. Write .apply_async(countdown=1) in place of .delay().  When does the first one answer?
  3. Take away .save().  What is lost when your program ends?
"""

import time

from celery import group

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.waiting import wait_until
from tasks.advanced_tasks import ask_airline

# Each airline, and after how many seconds it answers.  The slowest one is asked first.
ASKED = [("heron", 2.0), ("swift", 0.5), ("tern", 1.0), ("wren", 1.5)]
SLOWEST_S = max(answers_after_s for _, answers_after_s in ASKED)
ALL_S = sum(answers_after_s for _, answers_after_s in ASKED)
TIMEOUT_S = 20  # the slowest takes 2 s; the rest is room for a busy worker


def main() -> None:
    # One message for each member.  The result knows their ids, in the order of the question.
    start = time.monotonic()
    # region group
    result = group(ask_airline.s(*question) for question in ASKED).delay()
    # endregion
    sent_ms = 1000 * (time.monotonic() - start)
    print(f"{len(result)} messages sent in {sent_ms:.0f} ms; the id of the group is {result.id}")

    # No worker knows that list of ids.  save() writes it into the result backend, under one key,
    # so that another program can ask for the group later.
    unknown = app.GroupResult.restore(result.id)
    print(f"not saved: whoever has this id alone gets {unknown}")
    # region keep
    result.save()
    restored = app.GroupResult.restore(result.id)
    # endregion
    print(f"saved: whoever has this id alone gets {restored and len(restored)} results")

    # completed_count() counts the members that have ended well; it does not say which.
    for count in range(1, len(result) + 1):
        wait_until(lambda count=count: result.completed_count() >= count, TIMEOUT_S)
        took_s = time.monotonic() - start
        print(f"{result.completed_count()} of {len(result)} airlines answered after {took_s:.1f} s")

    # region answers
    answers = result.get(timeout=TIMEOUT_S)  # a list, in the order of the question
    # endregion
    table(*answers[0], rows=[answer.values() for answer in answers])
    claim(
        SLOWEST_S <= took_s < SLOWEST_S + 1,
        f"the group took at most 1 s longer than its slowest member, {SLOWEST_S} s,"
        f" and not {ALL_S} s",
    )
    last = max(result, key=lambda member: member.date_done)
    claim(
        result[0] == last and answers[0]["airline"] == "heron",
        "heron was asked first, answered last, and stands first in the result",
    )
    claim(
        restored is not None and restored.get(timeout=TIMEOUT_S) == answers,
        "the restored group has the same answers",
    )


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
