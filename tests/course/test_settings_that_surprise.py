"""Statements of the pages on settings that need no broker: held against Celery itself."""

import inspect
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.result import AsyncResult, ResultSet
from celery.schedules import crontab, schedule
from celery.worker import state

from tests.course.test_docs import ROOT
from tests.course.test_statements import told

PERIODIC = (ROOT / "examples/basic/07_periodic_tasks.md").read_text(encoding="utf-8")


@pytest.fixture
def app() -> Celery:
    """An app of the test's own, with nothing outside this process."""
    return Celery("alone", broker="memory://", backend="cache+memory://", set_as_current=False)


def sent(when: Any, zone: str, begin: datetime, hours: float) -> list[datetime]:
    """The moments at which a Beat that looks each minute would send what is due by a schedule."""
    now = [begin]
    when.app.conf.timezone = zone
    when.nowfun = lambda: now[0].astimezone(ZoneInfo(zone))
    last, moments = when.nowfun(), []
    while now[0] < begin + timedelta(hours=hours):
        if when.is_due(last).is_due:
            moments.append(now[0])
            last = when.nowfun()
        now[0] += timedelta(minutes=1)
    return moments


def longest_gap(moments: list[datetime]) -> timedelta:
    return max(after - before for before, after in pairwise(moments))


# On 25 October 2026 at 01:00 UTC the clocks of Berlin go back from 03:00 to 02:00.
NIGHT = datetime(2026, 10, 24, 21, 29, tzinfo=UTC)
SECOND_TIME = [NIGHT.replace(day=25, hour=1, minute=minute) for minute in (0, 30)]
SPRING = datetime(2026, 3, 28, 21, 29, tzinfo=UTC)  # at 01:00 UTC they go on from 02:00 to 03:00


@pytest.mark.parametrize(
    ("zone", "minute", "gap_minutes"),
    [
        ("Europe/Berlin", "*/30", 90),
        ("Europe/Berlin", "0", 120),
        ("UTC", "*/30", 30),
        ("UTC", "0", 60),
        ("Asia/Shanghai", "0", 60),  # no summer time
    ],
)
def test_crontabs_skip_an_hour_when_clocks_go_back(app, zone, minute, gap_minutes):
    told("in the hour that comes twice they send nothing the second time", PERIODIC)
    moments = sent(crontab(minute=minute, app=app), zone, NIGHT, hours=8)
    assert longest_gap(moments) == timedelta(minutes=gap_minutes)
    assert any(one in moments for one in SECOND_TIME) == (zone != "Europe/Berlin")


def test_a_number_of_seconds_does_not_skip(app):
    moments = sent(schedule(1800, app=app), "Europe/Berlin", NIGHT, hours=8)
    assert longest_gap(moments) == timedelta(minutes=30)


@pytest.mark.parametrize("night", [NIGHT, SPRING])
def test_a_daily_crontab_is_sent_once_in_both_nights(app, night):
    assert len(sent(crontab(minute=30, hour=2, app=app), "Europe/Berlin", night, hours=8)) == 1


@pytest.mark.parametrize(("deadline_s", "due"), [(None, True), (3600, False), (4 * 3600, True)])
def test_a_beat_that_was_down_sends_what_it_missed_unless_a_deadline_forbids_it(
    app, deadline_s, due
):
    app.conf.timezone = "UTC"
    app.conf.beat_cron_starting_deadline = deadline_s
    now = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
    daily = crontab(minute=0, hour=2, app=app, nowfun=lambda: now)
    assert daily.is_due(now - timedelta(days=1)).is_due is due


def test_a_worker_remembers_50_000_revokes_for_three_hours():
    assert (state.REVOKES_MAX, state.REVOKE_EXPIRES) == (50_000, 3 * 3600)
    assert (state.revoked.maxlen, state.revoked.expires) == (50_000, 3 * 3600)


def test_get_of_a_group_asks_for_one_result_at_a_time(app):
    # Where results are in a database or in files; Redis tells the caller.
    asked: list[str] = []

    class Asked(AsyncResult):
        def get(self, *_arguments, **_options):
            asked.append(self.id)
            raise TimeoutError

    app.backend.supports_native_join = False
    group = ResultSet([Asked(name, app=app) for name in "abc"], app=app)
    with pytest.raises(TimeoutError):
        group.get()
    assert asked == ["a"]


def test_a_countdown_on_a_quorum_queue_is_held_by_the_worker_behind_a_direct_exchange_only():
    # Nothing but a RabbitMQ cluster shows it: so this looks at Celery's own condition and words.
    source = inspect.getsource(Celery.send_task)
    assert "if exchange_type != 'direct':" in source
    assert "should be a topic exchange or '\n" in source
    assert "'a fanout exchange in order for native delayed delivery to work" in source
