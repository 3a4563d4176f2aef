"""Errors in workflows: who is told when a step fails, and what had been done by then.

A failed task cannot raise its error in a caller that has gone on.  So a workflow names a task
that gets the error: link_error does it for one task, on_error for a chain or the body of a chord.
Nothing is undone by that.  Three friends share the price of a seat, one card is declined, and
the other two have been charged all the same.

A task that needs the result of another one hands its id over with replace(), and ends.  It must
not wait with .get(): a task that waits keeps its slot, and the other one may need that slot.

The tasks are in tasks/advanced_tasks/: cards.py, prices.py and nested.py.

    ./lab run 15        # about 5 s

Watch: http://localhost:5555/tasks shows FAILURE for charge_card and total_price.  note_failure and
add_up_charges are not there: neither was sent.  full_price is there as with_fee, its last step.

You should see:

    link_error: CardDeclined: the bank declined bob-declined
    chain: ValueError: seats must be 1 to 9, got 12
    chord: ChordError: Dependency ... raised CardDeclined...
    its members: SUCCESS, FAILURE, SUCCESS
    noted: charge_card: CardDeclined
    noted: total_price: ValueError
    noted: add_up_charges: ChordError
    charged all the same: ada-visa, eve-visa
    true: the body of the chord was never started, and no card got its money back
    replace(): 26300
    true: full_price and the last step of the chain in its place began under one id
    .get() in a task: RuntimeError: Never call result.get() within a task! See...
    insisted, where slots are free: 25800
    $ ./start_worker.sh -n lesson15@%h --queues=lesson15 --concurrency=1
    insisted, with one slot: TimeoutError: The operation timed out.
    what it waited for, after that: 25800
    true: with one slot the task waited for what could not start before it had given up

Try next.  Guess first:
  1. Take .on_error(note) away from the body.  Who learns that a card was declined?
  2. Write total_price.s(12900, 2) in the chain.  What is the result, and what is noted?
  3. Write --concurrency=2 in the script.  Would a test with such a worker have found the mistake?
"""

from textwrap import shorten

from celery import chain, chord
from celery.result import AsyncResult

from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.advanced_tasks import (
    add_up_charges,
    charge_card,
    full_price,
    note_failure,
    total_price,
    waiting_price,
    with_fee,
)
from work.orders.cards import charged

CARDS = ["ada-visa", "bob-declined", "eve-visa"]
SHARE_CENTS = 4300
QUEUE = "lesson15"
INSIST_S = 1  # the other task takes milliseconds
NOTE_S = 5  # a failure is noted milliseconds after it; the rest is room for a busy worker
TIMEOUT_S = 20  # nothing here takes longer than INSIST_S; the rest is room for a busy worker


def main() -> None:
    with own_ledgers("lesson15", "cards") as (ledger,), state_reports() as reports:
        # link_error names a task that gets the error of one other task.
        # region link_error
        note = note_failure.s(ledger.run)
        alone = charge_card.s(ledger.run, "bob-declined", SHARE_CENTS).apply_async(link_error=note)
        # endregion
        print(f"link_error: {outcome(alone)}")

        # on_error of a chain is called for whichever step fails.  All later steps have the error
        # as their result, so the last id tells it, too.
        # region chain_error
        last = chain(total_price.s(12900, 12), with_fee.s()).on_error(note).delay()
        # endregion
        print(f"chain: {outcome(last)}")

        # In a chord the other members go on.  The body is not sent; its id tells who failed.
        # region chord_error
        header = [charge_card.s(ledger.run, card, SHARE_CENTS) for card in CARDS]
        body = chord(header)(add_up_charges.s().on_error(note))
        # endregion
        print(f"chord: {outcome(body)}")
        print(f"its members: {', '.join(member.state for member in body.parent)}")

        # Each failure was noted, once.  Nothing was undone by that.
        wait_until(lambda: len(ledger.jobs("FAILED")) >= 3, NOTE_S)
        for job in ledger.jobs("FAILED"):
            print(f"noted: {job}")
        print(f"charged all the same: {', '.join(charged(ledger))}")
        states = [report["status"] for report in reports.also_later(body.id)]
        claim(
            states == ["FAILURE"] and charged(ledger) == ["ada-visa", "eve-visa"],
            "the body of the chord was never started, and no card got its money back",
        )

        # full_price sends a chain and hands its own id over to it.  So STARTED is told twice:
        # once of full_price, and once of with_fee, the last step of the chain.
        replaced = full_price.delay(12900, 2)
        print(f"replace(): {outcome(replaced)}")
        states = [report["status"] for report in reports.of(replaced.id)]
        claim(
            states.count("STARTED") == 2,
            "full_price and the last step of the chain in its place began under one id",
        )

    # Celery refuses .get() inside a task.  disable_sync_subtasks=False insists on it, and does no
    # harm where a slot is free for the other task.
    print(f".get() in a task: {outcome(waiting_price.delay(12900, 2))}")
    lucky = waiting_price.delay(12900, 2, wait_s=TIMEOUT_S)
    print(f"insisted, where slots are free: {outcome(lucky)}")
    with own_queues(QUEUE), own_worker(QUEUE, [QUEUE], "--concurrency=1"):
        waiting = waiting_price.apply_async((12900, 2, INSIST_S), queue=QUEUE)
        print(f"insisted, with one slot: {outcome(waiting)}")
        (other,) = waiting.children
        print(f"what it waited for, after that: {outcome(other)}")
    claim(
        other.date_done > waiting.date_done,
        "with one slot the task waited for what could not start before it had given up",
    )


def outcome(result: AsyncResult) -> str:
    """Wait for a task; return its result, or its error as a person would write it."""
    answer = result.get(timeout=TIMEOUT_S, propagate=False)
    text = shorten(str(answer), 75, placeholder="...")
    return f"{type(answer).__name__}: {text}" if result.failed() else text


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
