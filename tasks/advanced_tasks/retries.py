"""Tasks that try again: mail_ticket."""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES
from work.mail import emails
from work.mail.mailbox import MailboxBusy, deliver
from work.orders import tickets


@app.task(
    bind=True,
    autoretry_for=(MailboxBusy,),  # only the error that waiting can heal
    max_retries=3,  # 4 attempts in all
    retry_backoff=1,  # wait 1 s, then 2 s, then 4 s
    retry_jitter=False,  # exact waits, so that a lesson is repeatable; send_email has it on
)
def mail_ticket(self: Any, to_email: str, flight: str, seats: int) -> dict:
    """E-mail one ticket; try again while somebody else holds the passenger's mailbox.

    Returns {"file": "mail/ada@example.com/0001.eml", "attempts": int}.
    Raises MailboxBusy if the mailbox was still held at the last attempt.
    Raises ValueError at the first attempt for a wrong address, flight or number of seats:
    waiting does not make them right.
    """
    message = emails.compose(to_email, *tickets.ticket(flight, seats), key=self.request.id)
    file = deliver(message, LAB_FILES / "mail")
    return {"file": str(file.relative_to(LAB_FILES)), "attempts": self.request.retries + 1}
