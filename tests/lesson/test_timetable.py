"""When an entry of a timetable is due next, and which messages have expired."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import crontab

from labkit.broker.messages import Message
from labkit.lesson.timetable import due_next, show_due, show_expired

TUESDAY = datetime(2026, 12, 1, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize("interval", [30, 30.0, timedelta(seconds=30)])
def test_an_interval_counts_from_the_last_time(interval):
    assert due_next({"schedule": interval}, TUESDAY) == TUESDAY + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        (crontab(minute=0, hour=2), datetime(2026, 12, 2, 2, 0, tzinfo=UTC)),
        (crontab(minute=30, hour=7, day_of_week="mon"), datetime(2026, 12, 7, 7, 30, tzinfo=UTC)),
        (crontab(minute=0, hour=13), datetime(2026, 12, 2, 13, 0, tzinfo=UTC)),  # not this minute
    ],
)
def test_a_crontab_is_due_at_the_next_time_that_it_names(schedule, due):
    assert due_next({"schedule": schedule}, TUESDAY) == due


def test_all_entries_stand_below_each_other(capsys):
    half_a_minute = {"task": "tasks.basic_tasks.nap", "schedule": 30.0}
    due = show_due({"every 30 seconds": half_a_minute}, TUESDAY)
    assert due == {"every 30 seconds": TUESDAY + timedelta(seconds=30)}
    assert capsys.readouterr().out == (
        "entry             task  due next\nevery 30 seconds  nap   Tue 2026-12-01 13:00:30\n"
    )


def message(task_id, expires):
    headers = {"id": task_id, "task": "nap", "expires": expires.isoformat()}
    return Message(task_id, "nap", headers, properties={}, body="")


def test_the_ids_of_what_has_expired_are_given(capsys):
    now = datetime.now(UTC)
    late, early = (now + timedelta(seconds=seconds) for seconds in (-5, 60))
    assert show_expired([message("late", late), message("early", early)], expires_s=10) == ["late"]
    sent_late, sent_early = (moment - timedelta(seconds=10) for moment in (late, early))
    assert capsys.readouterr().out == (
        f"sent at {sent_late:%T.%f}  has expired\nsent at {sent_early:%T.%f}  has not expired yet\n"
    )
