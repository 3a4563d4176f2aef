"""The tasks of the advanced level, one module a subject.

Importing this package registers them all.
"""

from tasks.advanced_tasks.cards import add_up_charges, charge_card, note_failure
from tasks.advanced_tasks.delivery import (
    charge_order,
    charge_order_carelessly,
    print_ticket,
    print_ticket_late,
    print_ticket_requeued,
    print_ticket_retried,
)
from tasks.advanced_tasks.desk import answer_question, get_approval, refund_seats, report_sales
from tasks.advanced_tasks.limits import confirm_seats, import_fares, import_fares_carelessly
from tasks.advanced_tasks.memory import draw_boarding_pass
from tasks.advanced_tasks.nested import full_price, waiting_price
from tasks.advanced_tasks.offers import ask_airline, cheapest_offer
from tasks.advanced_tasks.orders import book_seats
from tasks.advanced_tasks.pools import (
    ask_airline_async,
    ask_all_airlines,
    search_connections,
)
from tasks.advanced_tasks.prices import price_and_tell, total_price, with_fee
from tasks.advanced_tasks.retries import mail_ticket
from tasks.advanced_tasks.retry_forms import (
    retry_backoff,
    retry_by_hand,
    retry_default,
    retry_doubled,
    retry_fixed,
    retry_jitter,
    retry_swallowed,
)
from tasks.advanced_tasks.timetable import fetch_data, merge_items, process_item, save_result

__all__ = [
    "add_up_charges",
    "answer_question",
    "ask_airline",
    "ask_airline_async",
    "ask_all_airlines",
    "book_seats",
    "charge_card",
    "charge_order",
    "charge_order_carelessly",
    "cheapest_offer",
    "confirm_seats",
    "draw_boarding_pass",
    "fetch_data",
    "full_price",
    "get_approval",
    "import_fares",
    "import_fares_carelessly",
    "mail_ticket",
    "merge_items",
    "note_failure",
    "price_and_tell",
    "print_ticket",
    "print_ticket_late",
    "print_ticket_requeued",
    "print_ticket_retried",
    "process_item",
    "refund_seats",
    "report_sales",
    "retry_backoff",
    "retry_by_hand",
    "retry_default",
    "retry_doubled",
    "retry_fixed",
    "retry_jitter",
    "retry_swallowed",
    "save_result",
    "search_connections",
    "total_price",
    "waiting_price",
    "with_fee",
]
