"""What the doctor found: one sentence each, and what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote

import click

from lab_home import LAB_HOME
from labkit.words import INDENT, fitted, printable, typed

COLOURS = {"ok": "green", "wrong": "red", "task": "cyan", "?": "yellow"}


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


def grep_hint(task_id: str) -> str:
    """The command that shows what the logs of the lab's workers say about a task."""
    logs = quote(str(LAB_HOME / "logs"))
    return f"grep -hF -e {quote(task_id)} {logs}/*.log*"


def more_time(task_id: str = "") -> str:
    """The command that gives a slow machine, or a slow broker, more time."""
    return f"./lab doctor --wait 60 {typed(task_id)}" if task_id else "./lab doctor --wait 60"
