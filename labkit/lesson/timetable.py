"""What a lesson shows of Beat: when an entry is due next, and what has come of the messages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import maybe_schedule

from celery_app import app
from labkit.broker.messages import Message
from labkit.lesson.tables import table


def due_next(entry: Mapping[str, Any], sent_at: datetime) -> datetime:
    """When an entry of beat_schedule is due, if it was sent last at that moment.

    sent_at: in the time zone of the app, like app.now(); so is what comes back.
    """
    schedule: Any = maybe_schedule(entry["schedule"], app=app)  # 30.0 becomes a schedule, too
    schedule.nowfun = lambda: sent_at
    # Added up in UTC: where clocks change in summer, a day may have 23 or 25 hours.
    due = sent_at.astimezone(UTC) + schedule.remaining_estimate(last_run_at=sent_at)
    return due.astimezone(app.timezone)


def show_due(entries: Mapping[str, Mapping[str, Any]], sent_at: datetime) -> dict[str, datetime]:
    """Print when each entry of a timetable is due next; see due_next().  {entry: that moment}."""
    due = {name: due_next(entry, sent_at) for name, entry in entries.items()}
    tasks = [entry["task"].rpartition(".")[2] for entry in entries.values()]
    moments = [f"{moment:%a %Y-%m-%d %T}" for moment in due.values()]
    table("entry", "task", "due next", rows=zip(due, tasks, moments, strict=True))
    return due


def show_expired(messages: Sequence[Message], expires_s: float) -> list[str]:
    """Print when each message was sent, and whether it has expired; the ids of those that have.

    expires_s: the option `expires` with which each of them was sent.
    """
    now, expired = datetime.now(UTC), []
    for message in messages:
        if message.expires is None:
            continue
        late = message.expires < now
        expired += [message.task_id] * late
        sent_at = message.expires - timedelta(seconds=expires_s)
        print(f"sent at {sent_at:%T.%f}  {'has expired' if late else 'has not expired yet'}")
    return expired
