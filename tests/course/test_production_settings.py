"""docs/production-settings.md tells the truth about Celery's defaults and the lab's values."""

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu.transport.redis import Channel

from celery_app import app

PAGE = (Path(__file__).parents[2] / "docs/production-settings.md").read_text(encoding="utf-8")
# | `setting` | `default` | `lab` | start with, and why | 03 |
ROW = re.compile(r"^\| `(\S+)` \| `(.+?)` \| `(.+?)` \| .+ \| (\d\d|-) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)
LESSONS = 50
# What the lab sets and the page's tables do not judge: addresses, names, and the lab's own plan.
NOT_IN_THE_TABLES = {
    "broker_url",
    "result_backend",
    "include",
    "deprecated_settings",
    "task_queues",
    "task_routes",
    "beat_schedule",
    "beat_schedule_filename",
}


def value(settings: Any, name: str) -> Any:
    """The value of `setting` or `setting["key"]`; None where a dict does not have the key."""
    setting, _, key = name.partition("[")
    found = settings[setting]
    if key:
        return found.get(ast.literal_eval(key.rstrip("]")))
    if isinstance(found, tuple):
        return list(found)
    return found.total_seconds() if isinstance(found, timedelta) else found


def celerys_default(name: str) -> Any:
    """What holds where nobody sets it.  The Redis transport keeps the defaults of its options."""
    if name.startswith("broker_transport_options["):
        return getattr(Channel, ast.literal_eval(name.partition("[")[2].rstrip("]")))
    return value(Celery("nobody", set_as_current=False).conf, name)


@pytest.mark.parametrize(("name", "default", "lab", "lesson"), ROWS)
def test_a_row_gives_celerys_default_and_the_labs_value(name, default, lab, lesson):
    assert celerys_default(name) == ast.literal_eval(default)
    assert value(app.conf, name) == ast.literal_eval(lab)
    assert lesson == "-" or int(lesson) < LESSONS


def test_every_row_of_every_table_is_read():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(rows) == len(ROWS) > 30


def test_every_setting_of_the_lab_is_on_the_page():
    told = {name.partition("[")[0] for name, *_ in ROWS}
    assert set(app.conf.table(with_defaults=False)) - told == NOT_IN_THE_TABLES
