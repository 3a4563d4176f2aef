"""When Beat sends an entry of a timetable next."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from celery.schedules import maybe_schedule

from celery_app import app


def due_next(entry: Mapping[str, Any], sent_at: datetime) -> datetime:
    """When an entry of beat_schedule is due, if it was sent last at that moment.

    sent_at: in the time zone of the app, like app.now(); so is what comes back.
    """
    schedule: Any = maybe_schedule(entry["schedule"], app=app)  # 30.0 becomes a schedule, too
    schedule.nowfun = lambda: sent_at
    # Added up in UTC: where clocks change in summer, a day may have 23 or 25 hours.
    due = sent_at.astimezone(UTC) + schedule.remaining_estimate(last_run_at=sent_at)
    return due.astimezone(app.timezone)
