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

    link_error  charge_card: CardDeclined: the bank declined bob-declined
                noted: charge_card: CardDeclined
    chain       with_fee: ValueError: seats must be 1 to 9, got 12
                noted: total_price: ValueError
    chord       charge_card: SUCCESS, FAILURE, SUCCESS
                add_up_charges: ChordError: Dependency ... raised CardDeclined(...)
                noted: add_up_charges: ChordError
                charged all the same: ada-visa, eve-visa
    true: each failure was noted, once
    true: the body of the chord was never started, and no card got its money back
    replace()   full_price: 26300
    true: the id of full_price has the result of the chain that took its place
    .get()      refused: RuntimeError: Never call result.get() within a task!
                insisted, where slots are free: 25800
    $ ./start_worker.sh -n lesson15@%h --queues=lesson15 --concurrency=1
                insisted, with one slot: TimeoutError: The operation timed out.
                after that: 25800
    true: with one slot the task waited for what could not start before it had given up

Try next.  Guess first:
  1. Take .on_error(note) away from the body.  Who learns that a card was declined?
  2. Write total_price.s(12900, 2) in the chain.  What is the result, and what is noted?
  3. Give the worker lesson15 two slots.  Would a test have found the mistake?
"""

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
from work.ledger import Ledger
from work.orders.cards import charged

CARDS = ["ada-visa", "bob-declined", "eve-visa"]
SHARE_CENTS = 4300
QUEUE = "lesson15"
INSIST_S = 1  # the other task takes milliseconds
NOTE_S = 5  # a failure is noted milliseconds after it; the rest is room for a busy worker
TIMEOUT_S = 20  # nothing here takes longer than INSIST_S; the rest is room for a busy worker


def main() -> None:
    with own_ledgers("lesson15", "cards") as (ledger,):
        note = note_failure.s(ledger.run)
        with state_reports() as reports:
            alone = charge_card.s(ledger.run, "bob-declined", SHARE_CENTS)
            show("link_error", f"charge_card: {outcome(alone.apply_async(link_error=note))}")
            show("", f"noted: {noted(ledger, 'charge_card')}")

            # All later steps of a chain have the error as their result, so its last id tells it.
            last = chain(total_price.s(12900, 12), with_fee.s()).on_error(note).delay()
            show("chain", f"with_fee: {outcome(last)}")
            show("", f"noted: {noted(ledger, 'total_price')}")

            header = [charge_card.s(ledger.run, card, SHARE_CENTS) for card in CARDS]
            body = chord(header)(add_up_charges.s().on_error(note))
            error = outcome(body)
            show("chord", f"charge_card: {', '.join(member.state for member in body.parent)}")
            show("", f"add_up_charges: {error}")
            show("", f"noted: {noted(ledger, 'add_up_charges')}")
            show("", f"charged all the same: {', '.join(charged(ledger))}")

            replaced = full_price.delay(12900, 2)
            price = outcome(replaced)
            starts = [report["status"] for report in reports.of(replaced.id)].count("STARTED")
            body_states = [report["status"] for report in reports.also_later(body.id)]
        claim(len(failures(ledger)) == 3, "each failure was noted, once")
        claim(
            body_states == ["FAILURE"] and charged(ledger) == ["ada-visa", "eve-visa"],
            "the body of the chord was never started, and no card got its money back",
        )

    show("replace()", f"full_price: {price}")
    # Once as full_price, and once as with_fee, the last step of the chain.
    claim(
        price == "26300" and starts == 2,
        "the id of full_price has the result of the chain that took its place",
    )

    show(".get()", f"refused: {outcome(waiting_price.delay(12900, 2)).splitlines()[0]}")
    lucky = outcome(waiting_price.delay(12900, 2, wait_s=TIMEOUT_S))
    show("", f"insisted, where slots are free: {lucky}")
    with own_queues(QUEUE), own_worker("lesson15", [QUEUE], "--concurrency=1"):
        waiting = waiting_price.apply_async((12900, 2, INSIST_S), queue=QUEUE)
        gave_up = outcome(waiting)
        show("", f"insisted, with one slot: {gave_up}")
        waited_for = outcome(waiting.children[0])
        show("", f"after that: {waited_for}")
    claim(
        gave_up.startswith("TimeoutError") and lucky == waited_for == "25800",
        "with one slot the task waited for what could not start before it had given up",
    )


def outcome(result: AsyncResult) -> str:
    """Wait for a task; return its result, or its error as a person would write it."""
    answer = result.get(timeout=TIMEOUT_S, propagate=False)
    return f"{type(answer).__name__}: {answer}" if result.failed() else str(answer)


def noted(ledger: Ledger, task: str) -> str:
    """What was noted about a task; the note may come a moment after the error."""

    def about() -> list[str]:
        return [job for job in failures(ledger) if job.startswith(task)]

    wait_until(lambda: bool(about()), NOTE_S)
    return ", ".join(about()) or "nothing"


def failures(ledger: Ledger) -> list[str]:
    return [entry.job for entry in ledger.entries() if entry.event == "FAILED"]


def show(what: str, text: str) -> None:
    print(f"{what:<12}{text}")


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
