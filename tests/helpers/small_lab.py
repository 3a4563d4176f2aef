"""A lab of a few files in a temporary folder, for tests of what reads and runs lessons."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LESSON = '''"""{title}.

One sentence about why, with `code`.

    ./lab run {number}        # about 1 s

Watch: http://localhost:5555/tasks
shows the task.

You should see:

{promise}

Try next.  Guess first:
  1. Change the sum.
     What comes then?
"""

from tasks.basic_tasks import add


def main() -> None:
{body}


if __name__ == "__main__":
    {end}
'''

# The real run_lesson, without what asks for a broker and a worker.
PLAIN = "main()"  # ends a script that does not ask for a stack
REFUSED = 'raise SystemExit("error: no broker answers")'
RUN = """import labkit.lesson.run
    from labkit.lesson import run_lesson
    labkit.lesson.run.check_redis = lambda url: "ours"
    labkit.lesson.run.require_workers = lambda *arguments: None
    run_lesson(main, queues=["basic"], extras=["flower"])"""

# A quick one, which tells `./lab run` that the lesson has started, and does nothing else.
LIGHT = """import os
    def run_lesson(main, queues, extras):
        os.write(int(os.environ["LAB_NOTES_FD"]), b"started\\n")
        main()
    run_lesson(main, queues=["basic"], extras=["flower"])"""

TASKS = '''"""Tasks."""

from work import sums
from work.text import shout


def add(x, y):
    return _sum(x, y)


def _sum(x, y):
    return sums.add(x, y)


def greet(name):
    return shout(name)
'''


def indented(text: str) -> str:
    """The text four spaces to the right."""
    return "\n".join(f"    {line}" if line else "" for line in text.strip("\n").splitlines())


def write(path: Path, text: str) -> Path:
    """Write a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class SmallLab:
    """A lab with one task file, two work files, and the lessons that a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write(root / "celery_app.py", "app = None\n")
        write(root / "tasks/__init__.py", "")
        write(root / "tasks/basic_tasks.py", TASKS)
        write(root / "tasks/playground.py", "mine = 1\n")
        write(root / "work/__init__.py", "")
        write(root / "work/sums.py", "def add(x, y):\n    return x + y\n")
        write(root / "work/text.py", "def shout(text):\n    return text.upper()\n")
        write(root / "examples/playground.py", "print('mine')\n")

    def lesson(
        self,
        body: str = "print(f'the sum is {add(4, 5)}')",
        promise: str = "the sum is 9",
        *,
        number: str = "01",
        level: str = "basic",
        title: str = "Sums: add two numbers",
        end: str = LIGHT,
    ) -> Path:
        """Write one lesson, and return its path."""
        text = LESSON.format(
            number=number, title=title, promise=indented(promise), body=indented(body), end=end
        )
        return write(self.root / f"examples/{level}/{number}_sums.py", text)

    def commit(self) -> None:
        """Put everything under git, as a clone has it."""
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "lab"]):
            self.git(*command)

    def git(self, *arguments: str) -> str:
        """Run git here, and return what it prints."""
        return subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a file as a learner does."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


class StandInStack:
    """Stands in for labkit.stack.find.stack_for, and notes what it was asked for."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        self.asked: list[tuple[list[str], list[str]]] = []
        self.up = False

    @contextmanager
    def __call__(self, queues: Sequence[str], extras: Sequence[str]) -> Iterator[dict[str, str]]:
        self.asked.append((list(queues), list(extras)))
        self.up = True
        try:
            yield self.environment
        finally:
            self.up = False
