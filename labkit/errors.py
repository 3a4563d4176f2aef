"""The one kind of error that the lab shows to a person."""

import errno
import io
import os
import re
import shutil
import sys
from pathlib import Path
from shlex import quote

from lab_home import LAB_FILES, LAB_HOME, ROOT, house_error

ROOM_BYTES = 65_536  # with less, a log and a ledger cannot both go on


class LabError(Exception):
    """Something the learner can mend: one lower-case sentence, and a hint with a command.

    hint: one line that can be pasted into a shell, in the lab's folder: commands alone.  What else
        there is to say belongs into the sentence.
    exit_code is 1 for what the learner can mend, 2 for a command used wrongly.
    """

    def __init__(self, sentence: str, hint: str, exit_code: int = 1) -> None:
        super().__init__(house_error(sentence, hint))
        self.sentence = sentence
        self.hint = hint
        self.exit_code = exit_code


def in_shell(path: str | Path) -> str:
    """A path as a hint names it: quoted where it must be, short where the person stands there."""
    path = Path(path)
    if path.is_relative_to(ROOT) and Path(os.curdir).resolve() == ROOT:
        path = path.relative_to(ROOT)
    return quote(str(path))


def cannot_write(error: OSError, what: str = "the lab cannot write its files") -> LabError:
    """What a person is told of an error of the system's: the disk is full, or why else.

    what: the beginning of the sentence, where it is not the disk.
    """
    if error.errno != errno.ENOSPC:
        return LabError(f"{what}: {error}", "export LAB_HOME=~/celery-lab; ./lab up")
    where = f": {error.filename}" if error.filename else ""
    return full_disk() or LabError(f"the disk is full{where}", "df -h")


def full_disk(*folders: Path) -> LabError | None:
    """An error that names the first folder whose disk has no room left; None if there is none.

    folders: all of the lab's, if none is named.  One that is not there is not asked.
    """
    for folder in folders or (LAB_HOME, LAB_FILES):
        if folder.is_dir() and shutil.disk_usage(folder).free < ROOM_BYTES:
            return LabError(f"the disk is full: {folder}", f"df -h {in_shell(folder)}")
    return None


def last_error(traceback: str) -> str:
    """The end of a traceback in one line, with the learner's own file and line.

    >>> last_error('  File "/x/tasks/a.py", line 3\\n    def f(:\\nSyntaxError: invalid syntax\\n')
    '/x/tasks/a.py line 3: SyntaxError: invalid syntax'
    """
    lines = [line for line in traceback.splitlines() if line.strip()]
    what = lines[-1].strip() if lines else "unknown error"
    places = re.findall(r'File "([^"<>]+)", line (\d+)', traceback)
    ours = [(file, line) for file, line in places if ".venv" not in file and str(ROOT) in file]
    for file, line in reversed(ours or places):
        return f"{file.removeprefix(f'{ROOT}/')} line {line}: {what}"
    return what


def print_to_nobody() -> None:
    """Let what is printed from now on go nowhere, because nobody reads standard output any more.

    The interpreter flushes it at its end, and that would be an error.
    """
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115


def spare_the_terminal() -> None:
    """Let a character that the terminal's encoding lacks come out as ?, and not as a traceback.

    What goes to a stream that was closed, as by >&-, goes nowhere.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)  # its own: the lowest one that is free
            os.set_inheritable(number, True)  # else a log would get that number in a child
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
