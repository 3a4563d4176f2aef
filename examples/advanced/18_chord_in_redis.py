"""A chord in Redis: the keys that count it, a member that fails, and a chord that never ends.

Who knows when all members of a chord have ended?  No program waits for that.  The message of each
member carries the body, and the workers count in the result backend, under the id of the header.
The one that counts the last member sends the body.

A member that fails is counted like the others.  When all have ended, the body gets a ChordError
and is not sent.  A member that is lost is never counted, so the body waits for ever, and nobody
says so.  Here a worker is killed while it has one: its message was acknowledged early (lesson 30).

The tasks are `ask_airline` and `cheapest_offer` in tasks/advanced_tasks/offers.py.

    ./lab run 18        # about 10 s

Watch: http://localhost:5555/tasks shows cheapest_offer once, for three chords.

You should see:

    the id of the header is ...
    the id of the body is ...
    key  what it says                        value
    .s   how many members there are          3
    .j   their results so far, in order      heron, wren
    .d   how many of them have been counted  2
    when the body had been sent:
    key  what it says               value
    .c   whether the body was sent  done
    $ ./start_worker.sh -n lesson18@%h --queues=lesson18 --concurrency=1
    of the lost one, .get(timeout=2) raised TimeoutError('The operation timed out.')
    members that have not ended: 1 of 3
    chord   its members                its body
    well    SUCCESS, SUCCESS, SUCCESS  SUCCESS
    failed  SUCCESS, FAILURE, SUCCESS  FAILURE ChordError
    lost    SUCCESS, SUCCESS, STARTED  PENDING
    true: the body of the failed chord had its error after the last member had ended
    key  what it says                        value
    .s   how many members there are          3
    .j   their results so far, in order      heron, wren
    .d   how many of them have been counted  2
    in ... s Redis forgets that count: result_expires is 3600 s here
    $ ./lab doctor ...
    wrong  its stored state is STARTED by lesson18@...
           hint: ./lab run 30
    true: no state tells of the lost member; who asks whether its worker lives is told

Try next.  Guess first:
  1. Write EAGLE in place of WREN where `lost` is made.  Who hears of that failure, and when?
  2. Let the doctor explain lost.id, the body.  What does it know of it, and what not?
  3. Take worker.kill() away, and set LOST to ("tern", 3).  Which sentence is false then?
"""

from celery import chord, exceptions
from celery.result import AsyncResult

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.chord_count import ChordCount
from labkit.own.command import lab
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.advanced_tasks import ask_airline, cheapest_offer

HERON, WREN = ("heron", 0.2), ("wren", 0.4)  # airlines, and after how many seconds they answer
SWIFT = ("swift", 2)  # the last one: long enough to look at the count meanwhile
EAGLE = ("eagle", 0)  # there is no such airline
LOST = ("tern", 30)  # its worker is killed long before that
QUEUE = "lesson18"
PATIENCE_S = 2  # the members that are not lost have ended by then
TIMEOUT_S = 20  # the slowest takes 2 s; the rest is room for a busy worker


def main() -> None:
    # The id of the body is drawn here, and the message of each member carries it.  The keys of the
    # count are called celery-taskset-meta-, the id of the header, and one of these ends.
    well = chord(ask_airline.s(*one) for one in [HERON, WREN, SWIFT])(cheapest_offer.s())
    print(f"the id of the header is {well.parent.id}")
    print(f"the id of the body is {well.id}")
    count = ChordCount(well.parent.id)
    wait_until(lambda: count.counted() == 2, TIMEOUT_S)
    count.show()

    # The last member's worker sends the body first, and clears away after that.
    well.get(timeout=TIMEOUT_S)
    wait_until(lambda: count.keys() == {".c"}, TIMEOUT_S)
    print("when the body had been sent:")
    count.show()

    # A failure is counted like a result.  So the id of the body has no error, and whoever was named
    # by on_error is not called, before the last member has ended.
    failed = chord(ask_airline.s(*one) for one in [HERON, EAGLE, SWIFT])(cheapest_offer.s())
    failed.get(timeout=TIMEOUT_S, propagate=False)

    # A member that is lost is never counted.  Its message was acknowledged early, so nobody gets
    # it again (lesson 30), and Celery does not look for it.
    with own_queues(QUEUE), own_worker(QUEUE, [QUEUE], "--concurrency=1") as worker:
        here, there = [ask_airline.s(*one) for one in [HERON, WREN]], ask_airline.s(*LOST)
        lost = chord([*here, there.set(queue=QUEUE)])(cheapest_offer.s())
        wait_until(lambda: lost.parent[-1].state == "STARTED", TIMEOUT_S)
        worker.kill()

    # Who waits with a timeout notices that something is wrong.  The states of the members say which
    # of them it is; the body has no error, and never will.
    # region missing
    try:
        lost.get(timeout=PATIENCE_S)
    except exceptions.TimeoutError as error:
        missing = [member.id for member in lost.parent if not member.ready()]
        print(f"of the lost one, .get(timeout={PATIENCE_S}) raised {error!r}")
        print(f"members that have not ended: {len(missing)} of {len(lost.parent)}")
    # endregion
    chords = {"well": well, "failed": failed, "lost": lost}
    table("chord", "its members", "its body", rows=[(name, *told(c)) for name, c in chords.items()])
    claim(
        max(member.date_done for member in failed.parent) <= failed.date_done,
        "the body of the failed chord had its error after the last member had ended",
    )

    # The count is kept for result_chord_expires, where that is not set for result_expires.  Who is
    # counted after that finds no size to compare with: the body is not sent then, either.
    count = ChordCount(lost.parent.id)
    count.show()
    print(f"in {count.expires_in_s()} s Redis forgets that count: ", end="")
    print(f"result_expires is {app.conf.result_expires} s here")

    # The lab's doctor compares the state of such a member with the workers that are there; in a
    # project of your own somebody must.
    answer = lab("doctor", lost.parent[-1].id).show()
    claim(
        lost.state == "PENDING" and "it was lost with its worker" in answer,
        "no state tells of the lost member; who asks whether its worker lives is told",
    )


def told(body: AsyncResult) -> tuple[str, str]:
    """The states of the members and of the body, with its error."""
    error = f" {type(body.result).__name__}" if body.failed() else ""
    return ", ".join(member.state for member in body.parent), f"{body.state}{error}"


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
