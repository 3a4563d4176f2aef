"""The verdict on ticket orders notices each kind of damage, and nothing where there is none."""

from dataclasses import replace

import pytest

from labkit.lesson.order_verdict import order_rows, verdict_on_orders
from work.ledger import Entry

DAMAGE = ("stuck", "charged_twice", "charged_for_nothing", "held_for_nothing", "mailed_twice")


def line(event: str, job: str, root: str, redelivered: bool = False) -> Entry:
    return Entry(event, job, "vm", 1, 1, 0.0, root, "w@vm", redelivered)


def good() -> dict:
    """TL-1 is mailed, TL-2 was refused by the post and taken back."""
    return {
        "states": {"TL-1": "mailed", "TL-2": "cancelled"},
        "books": {
            "seats": {"balance": {"TL-1": 1}, "done": {"TL-1": 1, "TL-2": 1}},
            "cards": {"balance": {"TL-1": 1}, "done": {"TL-1": 1, "TL-2": 1}},
            "mails": {"balance": {"TL-1": 1}, "done": {"TL-1": 1}},
        },
        "sent": ["one", "two"],
        "entries": [
            line("START", "TL-1 mail_ticket", "one"),
            line("END", "TL-1 mail_ticket mailed", "one"),
            line("END", "TL-2 cancel_order cancelled", "two"),
        ],
    }


def test_where_all_is_well_it_finds_nothing():
    verdict = verdict_on_orders(**good())
    assert (verdict.finished, verdict.taken_back) == (["TL-1"], ["TL-2"])
    assert not any(getattr(verdict, kind) for kind in (*DAMAGE, "wrong"))
    assert (verdict.sent, verdict.sent_again, verdict.redelivered, verdict.lost) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("service", "column", "order", "count", "kinds"),
    [
        ("cards", "done", "TL-1", 2, {"charged_twice"}),
        ("cards", "balance", "TL-1", 2, {"charged_for_nothing"}),
        ("cards", "balance", "TL-2", 1, {"charged_for_nothing"}),
        ("seats", "balance", "TL-1", 2, {"held_for_nothing"}),
        ("seats", "balance", "TL-2", 1, {"held_for_nothing"}),
        ("mails", "done", "TL-1", 2, {"mailed_twice"}),
        ("seats", "balance", "TL-1", 0, {"wrong"}),
        ("cards", "balance", "TL-1", 0, {"wrong"}),
        ("mails", "balance", "TL-1", 0, {"wrong"}),
    ],
)
def test_each_wrong_number_in_a_book_is_found(service, column, order, count, kinds):
    case = good()
    case["books"][service][column][order] = count
    verdict = verdict_on_orders(**case)
    assert {kind for kind in (*DAMAGE, "wrong") if getattr(verdict, kind)} == kinds


@pytest.mark.parametrize("state", ["new", "reserved", "charged", "undoing"])
def test_an_order_that_is_not_over_is_stuck(state):
    case = good()
    case["states"]["TL-2"] = state
    assert verdict_on_orders(**case).stuck == ["TL-2"]


def test_a_workflow_without_its_last_line_is_lost():
    case = good()
    del case["entries"][-1]
    assert verdict_on_orders(**case).lost == 1


def test_a_workflow_that_found_the_order_over_is_not_lost():
    case = good()
    case["sent"].append("three")
    case["entries"].append(line("END", "TL-1 fulfil_order mailed", "three"))
    verdict = verdict_on_orders(**case)
    assert (verdict.sent_again, verdict.lost) == (1, 0)


def test_a_workflow_that_was_only_begun_is_lost():
    case = good()
    case["sent"].append("three")
    case["entries"].append(line("END", "TL-1 fulfil_order new", "three"))
    case["entries"].append(line("END", "TL-1 charge_buyer charged", "three"))
    assert verdict_on_orders(**case).lost == 1


def test_redelivered_messages_are_counted_when_they_start():
    case = good()
    case["entries"] += [replace(one, redelivered=True) for one in case["entries"]]
    assert verdict_on_orders(**case).redelivered == 1


def test_the_table_has_a_column_for_each_verdict():
    verdict = verdict_on_orders(**good())
    first, *_ = order_rows({"keys": verdict, "careless": verdict})
    assert first == ("orders", 2, 2)
