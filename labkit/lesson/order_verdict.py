"""What became of ticket orders, by three witnesses that do not ask Celery.

The shop's database says how far each order is, the books of the partner services say what was
really done, and the ledger says which messages arrived.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from work.ledger import Entry
from work.orders.order_states import FINAL, State

# After one of these nothing of a workflow is on its way any more.
LAST_STEPS = ("mail_ticket", "cancel_order")


@dataclass(frozen=True)
class OrderVerdict:
    """Orders, by their ids, and messages, by their number; see verdict_on_orders()."""

    orders: list[str]
    finished: list[str]  # the ticket was mailed
    taken_back: list[str]
    stuck: list[str]  # neither
    charged_twice: list[str]  # the bank took money twice or more, given back or not
    charged_for_nothing: list[str]  # money is kept that paid for no ticket
    held_for_nothing: list[str]  # seats are held that belong to no ticket
    mailed_twice: list[str]
    wrong: list[str]  # finished without seats, money or a ticket
    sent: int  # workflows, by the outbox
    sent_again: int  # of these, for an order that had been sent before
    redelivered: int  # messages that a worker got after another one had had them
    lost: int  # workflows whose last message never came to its end


def verdict_on_orders(
    states: Mapping[str, str],
    books: Mapping[str, Mapping[str, Mapping[str, int]]],
    sent: Iterable[str],
    entries: Iterable[Entry],
) -> OrderVerdict:
    """Compare the three witnesses.

    states: {order: state}, of the shop's database.
    books: what GET /books of the partner services answers.
    sent: the root id of each workflow that was sent.
    entries: the ledger of the workers, written by tasks.noted.
    """
    seats, money, mails = (Counter(books[name]["balance"]) for name in ("seats", "cards", "mails"))
    charges, letters = Counter(books["cards"]["done"]), Counter(books["mails"]["done"])
    finished = [order for order, state in states.items() if state == State.MAILED]
    tickets = Counter(finished)
    lines, roots = list(entries), list(sent)
    ended = {line.task_id for line in lines if line.event == "END" and _is_last(line.job)}
    return OrderVerdict(
        orders=list(states),
        finished=finished,
        taken_back=[order for order, state in states.items() if state == State.CANCELLED],
        stuck=[order for order, state in states.items() if state not in FINAL],
        charged_twice=[order for order in states if charges[order] > 1],
        charged_for_nothing=[order for order in states if money[order] > tickets[order]],
        held_for_nothing=[order for order in states if seats[order] > tickets[order]],
        mailed_twice=[order for order in states if letters[order] > 1],
        wrong=[order for order in finished if not (seats[order] and money[order] and mails[order])],
        sent=len(roots),
        sent_again=len(roots) - len(states),
        redelivered=sum(line.event == "START" and line.redelivered for line in lines),
        lost=sum(root not in ended for root in roots),
    )


def _is_last(job: str) -> bool:
    """True for the end of a last step, "TL-7 mail_ticket mailed", and where nothing was to do."""
    _order, task, result = job.split(" ", 2)
    return task.startswith(LAST_STEPS) or result in FINAL


def order_rows(verdicts: Mapping[str, OrderVerdict]) -> list[tuple[object, ...]]:
    """The rows of a table of counts: what is counted, and a number for each verdict."""
    counts = {
        "orders": lambda one: len(one.orders),
        "finished: the ticket is mailed": lambda one: len(one.finished),
        "taken back: a service refused": lambda one: len(one.taken_back),
        "stuck for ever": lambda one: len(one.stuck),
        "cards charged twice or more": lambda one: len(one.charged_twice),
        "money kept for nothing": lambda one: len(one.charged_for_nothing),
        "seats held for nothing": lambda one: len(one.held_for_nothing),
        "tickets mailed twice or more": lambda one: len(one.mailed_twice),
        "workflows sent": lambda one: one.sent,
        "  of these again, by the outbox": lambda one: one.sent_again,
        "  of these lost on the way": lambda one: one.lost,
        "messages that came twice": lambda one: one.redelivered,
    }
    return [(name, *map(count, verdicts.values())) for name, count in counts.items()]
