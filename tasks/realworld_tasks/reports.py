"""Tasks on reports: generate_report, send_report."""

from typing import Any

from celery_app import app
from lab_home import LAB_FILES, choose_smtp_url
from tasks.realworld_tasks.mail import wait_s
from work.flights import reports
from work.mail import emails, smtp


@app.task(bind=True)
def generate_report(self: Any, source: str) -> dict:
    """Draw the report of one timetable: a PDF with a table and a chart.

    source: a timetable, such as "north" or "source".

    Returns {"file": "reports/north-5f0c1a2b.pdf", "source": str, "flights": int, "seats": int,
    "size_bytes": int}: where it is, and not what is in it.  A message is no place for a file.
    Raises ValueError for "west", where the shop does not fly, and for a damaged timetable; not
    retried.
    """
    # The name has a part of the task's id: if the task runs twice, the second file replaces the
    # first one, which is the same.
    name = f"{source}-{(self.request.id or 'by-hand')[:8]}"
    return reports.generate(source, name, LAB_FILES)


@app.task(bind=True, max_retries=5)  # 6 attempts in all
def send_report(self: Any, report: dict, to_email: str) -> dict:
    """Send a report that generate_report has drawn, as an attachment.

    report: what generate_report returns.  It is first, so that a chain can put it there.

    Returns {"to": str, "message_id": str, "file": str}.
    Raises as send_email does; ValueError also for a report that is not there.  Only a busy mail
    server is asked again, and then nothing but the sending is done again.
    """
    name, content = reports.read_report(report, LAB_FILES)
    message = emails.compose(to_email, f"Report {name}", "See the attachment.", key=self.request.id)
    message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    try:
        smtp.send(message, choose_smtp_url())
    except smtp.MailBusy as busy:
        raise self.retry(exc=busy, countdown=wait_s(self.request.retries)) from None
    return {"to": message["To"], "message_id": message["Message-ID"], "file": report["file"]}
