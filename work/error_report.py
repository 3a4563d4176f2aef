"""Write the report of an error: what failed, where, how often, and its traceback."""

from dataclasses import dataclass
from datetime import UTC, datetime

MAX_TRACEBACK_CHARACTERS = 20_000  # deep recursion makes megabytes; the end says what went wrong


@dataclass(frozen=True)
class Failure:
    """One failure of a task: the names of the task and of the exception's class, and where."""

    task: str
    error: str
    task_id: str
    worker: str
    traceback: str


def compose_report(failure: Failure, kept_back: int) -> tuple[str, str]:
    """Return the subject and the body of the e-mail.

    kept_back: how many failures of this kind had no report since the last one.

    There are no arguments in it: they may be somebody's address or password.  With the id one
    finds them where they are allowed to be.

    >>> failure = Failure("shop.pay", "KeyError", "5f0c", "w1@host", "Traceback ...")
    >>> subject, body = compose_report(failure, 11)
    >>> subject
    'error: KeyError in shop.pay'
    >>> print(body.partition("at ")[0], end="")
    task       shop.pay
    id         5f0c
    worker     w1@host
    kept back  11 more of this kind since the last report
    """
    lines = [
        f"task       {plain(failure.task)}",
        f"id         {plain(failure.task_id)}",
        f"worker     {plain(failure.worker)}",
        f"kept back  {kept_back} more of this kind since the last report",
        f"at         {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "",
        plain(failure.traceback)[-MAX_TRACEBACK_CHARACTERS:] or "no traceback",
    ]
    kind = plain(f"{failure.error} in {failure.task}").replace("\n", " ").replace("=?", "= ?")
    return f"error: {kind:.150}", "\n".join(lines)


def plain(text: str) -> str:
    r"""The text with every control character written out: an error may quote what somebody sent.

    >>> plain("bad name: \x1b[2J\0")
    'bad name: \\x1b[2J\\x00'
    """
    return "".join(one if one == "\n" or one.isprintable() else ascii(one)[1:-1] for one in text)


def kept_back_in(body: str) -> int:
    """The number behind "kept back" in the body of a report."""
    (line,) = (line for line in body.splitlines()[:5] if line.startswith("kept back"))
    return int(line.split()[2])
