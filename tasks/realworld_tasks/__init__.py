"""The tasks of the real-world level, one module a subject.

Importing this package registers them all.
"""

from tasks.realworld_tasks.baggage import (
    bag_fee,
    bag_fee_with_a_wrong_function,
    bag_fee_with_swapped_arguments,
    heaviest_bag,
    heavy_bags_as_a_set,
)
from tasks.realworld_tasks.cleanup import cleanup_files, count_stock
from tasks.realworld_tasks.desk import ask_desk
from tasks.realworld_tasks.exports import export_data
from tasks.realworld_tasks.images import make_thumbnail, process_image
from tasks.realworld_tasks.imports import finish_import, import_chunk, import_data
from tasks.realworld_tasks.letters import answer_letters
from tasks.realworld_tasks.mail import send_email
from tasks.realworld_tasks.notices import notify_by_id, notify_by_object
from tasks.realworld_tasks.orders import (
    cancel_order,
    charge_buyer,
    fulfil_order,
    mail_ticket,
    reserve_seats,
    send_unfinished_orders,
)
from tasks.realworld_tasks.orders_carelessly import (
    cancel_order_carelessly,
    charge_buyer_carelessly,
    fulfil_order_carelessly,
    mail_ticket_carelessly,
    reserve_seats_carelessly,
)
from tasks.realworld_tasks.releases import issue_ticket
from tasks.realworld_tasks.reports import generate_report, send_report

__all__ = [
    "answer_letters",
    "ask_desk",
    "bag_fee",
    "bag_fee_with_a_wrong_function",
    "bag_fee_with_swapped_arguments",
    "cancel_order",
    "cancel_order_carelessly",
    "charge_buyer",
    "charge_buyer_carelessly",
    "cleanup_files",
    "count_stock",
    "export_data",
    "finish_import",
    "fulfil_order",
    "fulfil_order_carelessly",
    "generate_report",
    "heaviest_bag",
    "heavy_bags_as_a_set",
    "import_chunk",
    "import_data",
    "issue_ticket",
    "mail_ticket",
    "mail_ticket_carelessly",
    "make_thumbnail",
    "notify_by_id",
    "notify_by_object",
    "process_image",
    "reserve_seats",
    "reserve_seats_carelessly",
    "send_email",
    "send_report",
    "send_unfinished_orders",
]
