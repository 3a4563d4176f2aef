"""Long lines: whole for the one who compares them, cut where a person sees them.

A command that starts a worker may be 250 columns long, and so may a line of Celery's own commands.
A lesson prints them by show_line().  Under `./lab run` the line travels whole, behind a mark, and
the promise is compared with the whole line; `./lab run` cuts it to the terminal, which a person may
make as narrow as they like.  Run directly, the lesson cuts it itself.  No other line is cut.
"""

import os
import re
import shlex
import shutil
from collections.abc import Sequence

COLUMNS = 100  # where there is no terminal: in a pipe, a file, and in a recorded run
CUT = "..."
MARK = "\x1f"  # stands before a long line, up to the line's end; no terminal shows it
LONG_LINES = "LAB_LONG_LINES"  # the environment variable that says how they are printed:
MARKED, WHOLE = "marked", "whole"  # for somebody who cuts them; as they are; else: cut
_MARKED_LINE = re.compile(rb"\x1f([^\n]*)")


def show_command(words: Sequence[str]) -> None:
    """Print a command as a person types it, behind a "$"."""
    show_line(f"$ {shlex.join(words)}")


def show_line(text: str) -> None:
    """Print a line that may be cut where it is shown."""
    how = os.environ.get(LONG_LINES)
    shown = {MARKED: MARK + text, WHOLE: text}.get(how or "") or cut(text, terminal_columns())
    print(shown, flush=True)


def terminal_columns() -> int:
    """How wide the terminal is now: a window can be made wider."""
    return shutil.get_terminal_size((COLUMNS, 0)).columns


def cut(text: str, columns: int) -> str:
    """The text, cut where it would take more columns; a Chinese character takes two.

    >>> cut("a long line", 11), cut("a long line", 9), cut("更长的线", 6)
    ('a long line', 'a long...', '更...')
    """
    from rich.cells import cell_len, set_cell_size  # deferred: not every verb prints rows

    if cell_len(text) <= columns:
        return text
    return f"{set_cell_size(text, max(columns - len(CUT), 0)).rstrip()}{CUT}"


def cut_marked(output: bytes, columns: int | None) -> bytes:
    """The output without its marks, and each marked line cut to so many columns; None: whole.

    >>> cut_marked(b"one two three\\n\\x1f$ one two three\\n", 9)
    b'one two three\\n$ one...\\n'
    """

    def shown(line: re.Match[bytes]) -> bytes:
        text = line[1].decode(errors="replace")
        return line[1] if columns is None else cut(text, columns).encode()

    return _MARKED_LINE.sub(shown, output)


class LongLineCutter:
    """Cuts the marked lines of an output that comes in pieces; whole: takes the marks out alone."""

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._held = b""  # a marked line that has not come to its end

    def shown(self, piece: bytes) -> bytes:
        """What can be shown once this piece has come: all of it but an unfinished marked line."""
        output = self._held + piece
        start = output.rfind(MARK.encode())
        unfinished = start >= 0 and b"\n" not in output[start:]
        ready, self._held = (output[:start], output[start:]) if unfinished else (output, b"")
        return cut_marked(ready, None if self._whole else terminal_columns())

    def rest(self) -> bytes:
        """What it still holds at the end of the output."""
        return self.shown(b"\n")[:-1] if self._held else b""
