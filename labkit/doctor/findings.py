"""What the doctor found: one sentence each, and what to do about it."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote

import click

from lab_home import LAB_HOME, ROOT

COLOURS = {"ok": "green", "wrong": "red", "task": "cyan", "?": "yellow"}
INDENT = " " * 7


@dataclass(frozen=True)
class Finding:
    """One finding.

    kind: "ok"; "task" for what is known of a task; "wrong" for what somebody should mend; "?" for
        what could not be found out.
    hint: a command, or what to do; "" where there is nothing to do.
    perhaps: what may be so, where it cannot be known; a line each.
    """

    kind: str
    sentence: str
    hint: str = ""
    perhaps: Sequence[str] = ()


def report(findings: Iterable[Finding]) -> int:
    """Print the findings; return the exit code: 1 if one of them is wrong, else 0."""
    found = list(findings)
    for finding in found:
        mark = click.style(f"{finding.kind:5}", fg=COLOURS[finding.kind], bold=True)
        click.echo(f"{mark}  {fitted(finding.sentence)}")
        for one in finding.perhaps:
            click.echo(f"{INDENT}- {fitted(one)}")
        if finding.hint:
            click.echo(f"{INDENT}hint: {printable(finding.hint)}")
    return int(any(finding.kind == "wrong" for finding in found))


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


def grep_hint(task_id: str) -> str:
    """The command that shows what the logs of the lab's workers say about a task."""
    logs = quote(str(LAB_HOME / "logs"))
    return f"grep -hF -e {quote(task_id)} {logs}/*.log*"


def more_time(task_id: str = "") -> str:
    """The command that gives a slow machine, or a slow broker, more time."""
    return f"./lab doctor --wait 60 {typed(task_id)}" if task_id else "./lab doctor --wait 60"


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
