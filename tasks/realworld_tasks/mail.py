"""Tasks that send e-mail: send_email."""

import random
from typing import Any

from celery_app import app
from lab_home import choose_smtp_url
from work.mail import emails, smtp


@app.task(bind=True, max_retries=5)  # 6 attempts in all
def send_email(self: Any, to_email: str, subject: str, body: str) -> dict:
    """Send one e-mail: hand it to the mail server, and try again later while that is busy.

    to_email: one plain address.  subject: 1 to 200 characters on one line, in any language.
    body: 1 to 100,000 characters.

    Returns {"to": "ada@example.com", "message_id": str} once the server has taken it.
    Raises MailBusy if the server was busy, silent or not there at the last attempt, too.
    Not retried: MailRefused, when the server has said no; ValueError for a malformed address, and
    for a line break in the subject.
    """
    # The task's id makes the Message-ID: if the task runs twice, or the server's last answer is
    # lost, the two e-mails can be recognised as one.
    message = emails.compose(to_email, subject, body, key=self.request.id)
    try:
        smtp.send(message, choose_smtp_url())
    except smtp.MailBusy as busy:  # only the error that waiting can heal
        raise self.retry(exc=busy, countdown=wait_s(self.request.retries)) from None
    return {"to": message["To"], "message_id": message["Message-ID"]}


def wait_s(retries: int) -> float:
    """The seconds before the next attempt: 1, 2, 4, 8, 16, and each up to a half longer.

    The half is drawn by chance, so that many e-mails do not come back in the same moment.
    """
    return 2**retries * random.uniform(1, 1.5)  # noqa: S311 - no secret is made of it
