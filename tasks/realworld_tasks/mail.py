"""Tasks that send e-mail: send_email."""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES
from work import mail
from work.mailbox import MailboxBusy, deliver


@app.task(
    bind=True,
    autoretry_for=(MailboxBusy,),  # only the error that waiting can heal
    max_retries=5,  # 6 attempts in all
    retry_backoff=1,  # wait up to 1 s, then 2 s, 4 s, 8 s, 16 s
    retry_jitter=True,  # each wait is drawn by chance, so that many tasks do not come back at once
)
def send_email(self: Any, to_email: str, subject: str, body: str) -> dict:
    """Put one e-mail into the lab's mail folder, in the format in which e-mail travels.

    to_email: one plain address.  subject: 1 to 200 characters on one line, in any language.
    body: 1 to 100,000 characters.

    Returns {"file": "mail/ada@example.com/0001.eml", "message_id": str}.
    Raises MailboxBusy if the mailbox was still held at the last attempt.
    Raises ValueError for a malformed address, and for a line break in the subject; not retried.
    """
    # The task's id makes the Message-ID: if Celery runs the task twice, the two e-mails can be
    # recognised as one.
    message = mail.compose(to_email, subject, body, key=self.request.id)
    file = deliver(message, LAB_FILES / "mail")
    return {"file": str(file.relative_to(LAB_FILES)), "message_id": message["Message-ID"]}
