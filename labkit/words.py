"""Numbers, times, names and commands, in the words that a person reads and can paste."""

import shutil
import sys
import textwrap
from datetime import UTC, datetime
from shlex import quote

from lab_home import ROOT

INDENT = " " * 7


def fitted(text: str) -> str:
    """The text, broken between words where a terminal is narrower; elsewhere one line."""
    text = printable(text)
    if not sys.stdout.isatty():
        return text
    width = max(40, shutil.get_terminal_size().columns - len(INDENT) - len("hint: "))
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{INDENT}".join(lines)


def printable(text: object) -> str:
    """A text in which nothing steers the terminal; anybody may have sent it.

    A hint gets no more than this: a command that is broken into two lines cannot be pasted.
    """
    return "".join(one if one.isprintable() else "?" for one in str(text))


def celery_line(arguments: str) -> str:
    """A line of Celery's own to type: by its full name where the shell does not know `celery`."""
    ours = ".venv/bin/celery"
    program = ours if not shutil.which("celery") and (ROOT / ours).exists() else "celery"
    return f"{program} -A celery_app {arguments}"


def typed(task_id: str) -> str:
    """A task id as it can be typed in a shell, whoever chose it.

    >>> typed("order-7"), typed("job 7; rm x"), typed("--help")
    ('order-7', "'job 7; rm x'", '-- --help')
    """
    return f"-- {quote(task_id)}" if task_id.startswith("-") else quote(task_id)


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> duration(3.04), duration(75), duration(3600), duration(100_000)
    ('3.0 s', '1 min 15 s', '1 h 0 min', '27 h 46 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"


def clock(when: datetime | float) -> str:
    """The time of day on this machine's clock: 14:03:59; with the date if it is not today."""
    moment = datetime.fromtimestamp(when, UTC) if isinstance(when, int | float) else when
    local = moment.astimezone()
    today = datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"


def shortened(value: object, limit: int = 120) -> str:
    """The repr of a value in one line, cut where it is long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def several(count: int, thing: str) -> str:
    """A number with its noun: several(1, "message") -> "1 message", 2 -> "2 messages"."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
