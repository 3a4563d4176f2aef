"""How a process of the stack ended, in words, and the lines of its log that say why."""

import re
import signal
from dataclasses import dataclass

from labkit.errors import last_error

ASKED_BY_REMOTE_CONTROL = "Got shutdown from remote"  # what a worker of Celery's logs then
CRITICAL = "CRITICAL/"  # the level of a worker's last line, where an error ends it
LAST_LINES = 5
_PREFIX = re.compile(r"^\[[^\]]+\] ")  # time, level and process


@dataclass(frozen=True)
class End:
    """One end.

    how: the end of a sentence, such as "was ended by signal 9 (SIGKILL)".
    why: lines of the log; [] where they have nothing to do with it.
    failed: it ended with an exit code of its own that is not 0.
    at_work: Celery itself says why, so that the code had been imported before.
    """

    how: str
    why: list[str]
    failed: bool = False
    at_work: bool = False


def end_of(exit_code: int, logged: str) -> End:
    """What a process with this exit code (negative: the signal) and log came to.

    logged: what it has written since it was started.
    """
    if exit_code < 0:
        return End(f"was ended by signal {-exit_code} ({_name(-exit_code)})", [])
    if exit_code > 0:
        at_work = CRITICAL in logged
        return End(f"ended with exit code {exit_code}", _cause(logged), True, at_work)
    if ASKED_BY_REMOTE_CONTROL in logged:
        how = "was asked to stop by remote control (`celery control shutdown`, or Flower)"
        return End(how, [])
    return End("ended with exit code 0, as if it had been asked to", [])


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return "without a name"


def _cause(logged: str) -> list[str]:
    """Celery's own line where there is one, else the error of the traceback, else the last lines.

    The end of a worker's traceback is mostly Celery's own code, and other lines come after it.
    """
    lines = [line.rstrip() for line in logged.splitlines() if line.strip()]
    if critical := [line for line in lines if CRITICAL in line]:
        return [_PREFIX.sub("", critical[-1])]
    if "Traceback (most recent call last):" in lines:
        return [last_error(logged)]
    return lines[-LAST_LINES:]
