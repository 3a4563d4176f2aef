"""The parts of a lesson's docstring: title, why, command, Watch, promise, Try next."""

import re
from dataclasses import dataclass

WATCH, PROMISE, TRY = "Watch:", "You should see:", "Try next"
_COMMAND = re.compile(r"\s{4}(?P<line>\./lab run \S+)\s+#\s*(?P<time>.+)")


@dataclass(frozen=True)
class LessonText:
    """What the docstring says; a part that it does not have is "".

    title: its first line, without the full stop at the end.
    why: the paragraphs up to the command.
    command, time: "./lab run 16" and "about 3 s".
    watch: where to look meanwhile, without the word "Watch:".
    promise: the block after "You should see:", not indented, with one line end.
    remarks: what stands between the promise and "Try next", for example what the numbers mean.
    try_next: the list of changes, with its first line.
    """

    title: str = ""
    why: str = ""
    command: str = ""
    time: str = ""
    watch: str = ""
    promise: str = ""
    remarks: str = ""
    try_next: str = ""


def lesson_text(docstring: str) -> LessonText:
    r"""Take a cleaned docstring (inspect.cleandoc) apart; every part may be missing.

    >>> text = lesson_text('''Sums: one task.
    ...
    ... Why it matters.
    ...
    ...     ./lab run 01        # about 1 s
    ...
    ... You should see:
    ...
    ...     sum: 9
    ... ''')
    >>> text.title, text.time, text.promise
    ('Sums: one task', 'about 1 s', 'sum: 9\n')
    """
    title, _, rest = docstring.partition("\n")
    parts: dict[str, list[str]] = {
        name: [] for name in ("why", "watch", "promise", "remarks", "try_next")
    }
    command = time = ""
    part = "why"
    for line in rest.splitlines():
        if not command and (found := _COMMAND.fullmatch(line)):
            command, time = found["line"], found["time"]
            continue
        if line.startswith(WATCH):
            part, line = "watch", line.removeprefix(WATCH)  # noqa: PLW2901
        elif line.strip() == PROMISE:
            part = "promise"
            continue
        elif line.startswith(TRY):
            part = "try_next"
        elif part == "promise" and line and not line.startswith("    "):
            part = "remarks"
        parts[part].append(line.removeprefix("    ") if part == "promise" else line)
    texts = {name: "\n".join(lines).strip("\n").rstrip() for name, lines in parts.items()}
    texts["watch"] = texts["watch"].lstrip()
    if texts["promise"]:
        texts["promise"] += "\n"
    return LessonText(title.strip().removesuffix("."), command=command, time=time, **texts)
