"""How a lesson hands `./lab run` the lines that belong after its output.

The lesson's own stdout goes through a pipe to `./lab run`, its stderr straight to the terminal.
A last line on stderr could overtake the end of the output, so it takes a pipe of its own.
"""

import os
import select
import sys
from typing import TextIO

NOTES_FD = "LAB_NOTES_FD"  # the environment variable that holds the pipe's number
STARTED = "started"  # the first line: from now on, what fails is the lesson itself
MAX_BYTES = 65536  # what fits into a pipe that nobody reads yet


def open_notes() -> TextIO:
    """Where the lesson's last lines go: to `./lab run` if that has started it, else to stderr."""
    number = os.environ.pop(NOTES_FD, "")  # popped: the lesson's own children have no such pipe
    if not number:
        return sys.stderr
    notes = os.fdopen(int(number), "w", encoding="utf-8")
    print(STARTED, file=notes, flush=True)
    return notes


def has_started(pipe: int) -> bool:
    """True once the lesson itself runs, and has something to clean up."""
    return bool(select.select([pipe], [], [], 0)[0])


def read_notes(pipe: int) -> tuple[bool, str]:
    """Whether an ended lesson had started, and its last lines.

    Does not wait: a process that the lesson left behind may keep the pipe open.
    """
    os.set_blocking(pipe, False)
    try:
        text = os.read(pipe, MAX_BYTES).decode(errors="replace")
    except BlockingIOError:
        text = ""
    first, _, last_lines = text.partition("\n")
    return first == STARTED, last_lines.rstrip("\n")
