"""The tally of tests/repeat_lessons.py: which run of which lesson came out as promised."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.errors import LabError, in_shell
from labkit.processes.files import replace_file


@dataclass(frozen=True)
class Run:
    """One run of a lesson.

    made_of: what the lesson consisted of, as a hash.  kept: it was as promised.
    output: where its output is kept; "" for one that was as promised.
    """

    lesson: str
    made_of: str
    kept: bool
    busy: bool
    seconds: float
    output: str = ""


class Tally:
    """The runs so far, in a file with a line of JSON for each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self, lesson: str, made_of: str) -> list[Run]:
        """The runs of a lesson as it is now."""
        return [one for one in self._all() if (one.lesson, one.made_of) == (lesson, made_of)]

    def require_writable(self) -> None:
        """Raise LabError where no run can be written down."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.open("a").close()
        except OSError as error:
            hint = f"ls -ld {in_shell(self.path.parent)} {in_shell(self.path)}"
            sentence = f"the tally {self.path} cannot be written: {error.strerror}"
            raise LabError(sentence, hint) from None

    def add(self, run: Run) -> None:
        """Write a run down, at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{_line(run)}")  # what stands before may be half a line

    def forget(self, lessons: Sequence[str]) -> None:
        """Take the runs of these lessons out."""
        if self.path.exists():
            others = [one for one in self._all() if one.lesson not in lessons]
            replace_file(self.path, "\n".join(map(_line, others)))

    def _all(self) -> Iterator[Run]:
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        for line in text.splitlines():
            with suppress(ValueError, TypeError):  # half a line: the machine went off
                yield Run(**json.loads(line))


def _line(run: Run) -> str:
    return json.dumps(asdict(run))


def missing(runs: Sequence[Run], times: int, busy: int) -> list[bool]:
    """For each run that is still to be made, whether it is a busy one; those come last."""
    done = sum(run.busy for run in runs)
    calm = max(times - busy - (len(runs) - done), 0)
    return [False] * calm + [True] * max(busy - done, 0)
