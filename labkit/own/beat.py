"""A Beat of one's own, for lessons and tests that may not change the shared timetable."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lab_home import LAB_HOME, ROOT
from labkit.own.files import own_file
from labkit.own.program import started
from labkit.processes.program import Program


class Beat(Program):
    """A running Beat."""

    kind = "Beat"


@contextmanager
def own_beat(
    name: str,
    schedule: Mapping[str, Mapping[str, Any]],
    *options: str,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Beat]:
    """Start a Beat with a timetable of its own; give it when it runs; stop it on the way out.

    schedule: what beat_schedule is in celery_app.py, as far as JSON can say it (no crontab).
    options: further options of `celery beat`.
    environment: as for own_worker.
    Raises LabError if it ends or does not run in READY_TIMEOUT_S seconds.
    """
    home = LAB_HOME.relative_to(ROOT) if LAB_HOME.is_relative_to(ROOT) else LAB_HOME
    memory = f"{name}-schedule"  # where it notes when it sent each entry last
    command = [
        "./start_beat.sh",
        f"--pidfile={home / name}.pid",
        f"--schedule={home / memory}",
        # All Beats of a machine would answer to one name, by which the lab asks for its own.
        "--no-enable-remote-control",
        *options,
        "--",
        f"beat.schedule=(dict){json.dumps(schedule)}",
    ]
    # What an interrupted run noted would be due at once.
    with own_file(memory, LAB_HOME), started(Beat, name, command, environment) as beat:
        beat.wait_until_ready("beat: Starting...")
        yield beat
