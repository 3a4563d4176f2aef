"""When an entry of a timetable is due next."""

from datetime import UTC, datetime, timedelta

import pytest
from celery.schedules import crontab

from labkit.lesson.timetable import due_next

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
