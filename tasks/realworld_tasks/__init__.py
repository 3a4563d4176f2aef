"""The tasks of the real-world level, one module a subject.

Importing this package registers them all.
"""

from tasks.realworld_tasks.images import process_image
from tasks.realworld_tasks.mail import send_email

__all__ = ["process_image", "send_email"]
