"""The smallest shop with Celery, for lesson 57: one app, one task.  plain_api.py sends it.

    REDIS_URL=redis://localhost:6379/0 SMTP_SERVER=localhost:25 celery -A plain_shop worker

It runs in this folder, with a Redis and a mail server of your own.
"""

# region imports
import os
import smtplib
from email.message import EmailMessage

from celery import Celery

# endregion

# region shop
REDIS_URL = os.environ["REDIS_URL"]  # such as redis://localhost:6379/0
app = Celery("shop", broker=REDIS_URL, backend=REDIS_URL)
app.conf.task_track_started = True  # the worker says when a task has begun
app.conf.result_expires = 3600  # seconds: longer than anybody asks


@app.task
def send_email(to_email: str, subject: str, body: str) -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to_email, subject
    message.set_content(body)
    with smtplib.SMTP(os.environ["SMTP_SERVER"], timeout=10) as server:  # such as localhost:25
        server.send_message(message)
    return to_email


# endregion
