"""The one kind of error that the lab shows to a person."""

import os
from pathlib import Path
from shlex import quote

from lab_home import ROOT, house_error


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
