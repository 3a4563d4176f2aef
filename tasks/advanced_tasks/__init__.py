"""The tasks of the advanced level, one module a subject.

Importing this package registers them all.
"""

from tasks.advanced_tasks.retries import mail_ticket
from tasks.advanced_tasks.timetable import fetch_data, merge_items, process_item, save_result

__all__ = ["fetch_data", "mail_ticket", "merge_items", "process_item", "save_result"]
