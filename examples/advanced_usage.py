"""The advanced level in one script: chain, group, chord, and a task that tries again.

Tasks can be put together before they are sent.  `.s()` makes a signature: a task with its
arguments, not sent yet.  A chain runs one after the other, a group side by side, and a chord
is a group with a callback that gets all its results.  The lessons 10 to 42 go on from here.

The tasks work on the timetable of a small shop that sells flight tickets.

    ./lab run advanced_usage        # about 3 s

Watch: http://localhost:5555/tasks shows mail_ticket: RETRY while it waits, then SUCCESS.

You should see:

    chain: 12 flights on 9 routes, saved in results/source.json
    group: north 4, east 4, south 4 flights
    chord: north+east+south has 12 flights on 9 routes
    true: the three parts are the whole timetable
    true: the ticket waits in state RETRY while its mailbox is held
    ada: SUCCESS after ... attempts
    true: a later attempt got through
    bob: FAILURE ValueError('seats must be 1 to 9, got 12')
"""

from celery import chain, chord, group

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.waiting import wait_until
from tasks.advanced_tasks import fetch_data, mail_ticket, merge_items, process_item, save_result
from work.mail.mailbox import held_mailbox

TIMEOUT_S = 20  # everything here takes 3 s; the rest is room for a slow laptop
REGIONS = ["north", "east", "south"]  # three files; the timetable "source" has all their flights


def main() -> None:
    # A chain: what one step returns is the first argument of the next.
    saved = chain(fetch_data.s("source"), process_item.s(), save_result.s())()
    file = saved.get(timeout=TIMEOUT_S)["file"]
    whole = saved.parent.get(timeout=TIMEOUT_S)  # the receipt of the step before
    print(f"chain: {contents(whole)}, saved in {file}")

    # A group: the workers take the members side by side; the results come in our order.
    tables = group(fetch_data.s(region) for region in REGIONS)().get(timeout=TIMEOUT_S)
    counts = ", ".join(f"{table['source']} {len(table['flights'])}" for table in tables)
    print(f"group: {counts} flights")

    # A chord: the callback runs once, when the whole header is done.
    header = [fetch_data.s(region) | process_item.s() for region in REGIONS]
    joined = chord(header)(merge_items.s()).get(timeout=TIMEOUT_S)
    print(f"chord: {joined['source']} has {contents(joined)}")
    claim(joined["routes"] == whole["routes"], "the three parts are the whole timetable")

    # A retry: while this script holds Ada's mailbox, nobody can deliver to it.  The task fails
    # with MailboxBusy, waits 1 s, and tries again; then the mailbox is free.
    with held_mailbox("ada@example.com", LAB_FILES / "mail"):
        ada = mail_ticket.delay("ada@example.com", flight="TL101", seats=2)
        waits = wait_until(lambda: ada.state == "RETRY", TIMEOUT_S)
        claim(waits, "the ticket waits in state RETRY while its mailbox is held")
    attempts = ada.get(timeout=TIMEOUT_S)["attempts"]
    print(f"ada: {ada.state} after {attempts} attempts")
    claim(attempts > 1, "a later attempt got through")

    # No wait makes 12 seats right.  This error is not in the list of those to retry.
    bob = mail_ticket.delay("bob@example.com", flight="TL101", seats=12)
    error = bob.get(timeout=TIMEOUT_S, propagate=False)
    print(f"bob: {bob.state} {error!r}")


def contents(summary: dict) -> str:
    """Say how much a summary holds: 4 flights on 3 routes."""
    return f"{summary['flights']} flights on {len(summary['routes'])} routes"


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
