"""How the end of a process is told."""

import pytest

from labkit.stack.ends import LAST_LINES, end_of

TRACEBACK = """[INFO/MainProcess] Task add[1] raised: ValueError
[2026-11-30 05:06:16,309: CRITICAL/MainProcess] Unrecoverable error: AttributeError('x')
Traceback (most recent call last):
  File "/x/celery/worker/worker.py", line 271, in start
    self.blueprint.start(self)
AttributeError: x
[2026-11-30 05:06:17,490: INFO/MainProcess] Restoring 1 unacknowledged message(s)
"""


@pytest.mark.parametrize(
    ("exit_code", "how"),
    [
        (-9, "was ended by signal 9 (SIGKILL)"),
        (-35, "was ended by signal 35 (without a name)"),
        (0, "ended with exit code 0, as if it had been asked to"),
        (1, "ended with exit code 1"),
    ],
)
def test_how_it_ended(exit_code, how):
    assert end_of(exit_code, "").how == how


def test_the_log_is_shown_only_where_it_says_why():
    assert end_of(-9, TRACEBACK).why == []
    assert end_of(0, TRACEBACK).why == []
    assert end_of(1, TRACEBACK).why == ["Unrecoverable error: AttributeError('x')"]


def test_a_traceback_without_celerys_own_line_is_its_error():
    logged = TRACEBACK.replace("CRITICAL/", "INFO/").partition("[2026-11-30 05:06:17")[0]
    assert end_of(1, logged).why == ["/x/celery/worker/worker.py line 271: AttributeError: x"]


def test_else_the_last_lines_are_shown():
    logged = "\n\n".join(f"line {number}" for number in range(10))
    assert end_of(2, logged).why == [f"line {number}" for number in range(10 - LAST_LINES, 10)]


def test_a_shutdown_by_remote_control_is_told_as_such():
    logged = "[2026-11-30 05:05:51,218: WARNING/MainProcess] Got shutdown from remote\n"
    assert end_of(0, logged).how.startswith("was asked to stop by remote control")
    assert end_of(1, logged).how == "ended with exit code 1"
