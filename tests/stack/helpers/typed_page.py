"""A page of docs/ as somebody types it: its blocks, and terminals to type them into."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.stack.helpers.fresh_copy import OTHERS
from tests.stack.helpers.labs import END_S, wait_until

TYPED_S = 300  # an installation may wait for the package index
READY_S = 60
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(At the end of )?`([\w./-]+)`:")


@dataclass(frozen=True)
class Block:
    """A fenced block, with the heading of its section and the paragraph above it."""

    section: str
    above: str
    language: str
    text: str

    @property
    def file(self) -> str:
        """The name of the file that it is; "" for what is typed, and for what comes out."""
        named = _FILE.fullmatch(self.above)
        return named[2] if named else ""

    @property
    def goes_on(self) -> bool:
        """True for a command that runs until Ctrl-C."""
        return "terminal of its own" in self.above or self.replaces_a_worker

    @property
    def replaces_a_worker(self) -> bool:
        """True where the page says that the worker is stopped before."""
        return "Stop the worker" in self.above

    def write(self, folder: Path) -> None:
        """Make the file, or write the text to its end."""
        path = folder / self.file
        old = path.read_text() if self.above.startswith("At the end of") else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(old + self.text)


def blocks(page: str, yours: Mapping[str, str] | None = None) -> list[Block]:
    """All blocks of a page, in order.

    yours: what stands on the page for something of the reader's own -> what the reader writes.

    >>> [one] = blocks("## A\\n\\n`a.py`:\\n\\n```python\\nport = 1\\n```\\n", {"1": "2"})
    >>> one.section, one.file, one.text
    ('A', 'a.py', 'port = 2\\n')
    """
    yours = yours or {}
    theirs = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, yours)) or '(?!)'})(?!\w)")
    found = []
    for fence in _FENCE.finditer(page):
        before = page[: fence.start()].strip()
        heading = re.findall(r"^## (.+)$", before, re.MULTILINE)
        text = theirs.sub(lambda match: yours[match[0]], fence[2])
        above = before.rpartition("\n\n")[2].strip()
        found.append(Block(heading[-1] if heading else "", above, fence[1], text))
    return found


class Terminal:
    """A shell in a folder, without anything of the environment that runs the tests."""

    def __init__(self, folder: Path, name: str, *begin: str) -> None:
        self.log = folder.parent / f"{name}.txt"
        self._typed = 0
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                ["bash"],
                cwd=folder,
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._write("trap 'echo FAILED: $BASH_COMMAND' ERR")
        for text in begin:
            self.type(text)

    def _write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.rstrip("\n") + "\n")
        self.process.stdin.flush()

    def output(self) -> str:
        """Everything that came out so far."""
        return self.log.read_text(errors="replace")

    def type(self, text: str) -> str:
        """Type lines that all must succeed; return what they print."""
        self._typed += 1
        end = f"--- {self._typed} typed ---\n"
        start = len(self.output())
        self._write(f"{text.rstrip()}\necho '{end.strip()}'")
        wait_until(lambda: end in self.output() or self._ended(), TYPED_S, text)
        said = self.output()[start:]
        assert end in said, f"{text}\n{said}"
        assert "FAILED: " not in said, f"{text}\n{said}"
        return said.removesuffix(end)

    def start(self, text: str, ready: Callable[[str], object]) -> None:
        """Type a command that goes on; wait until ready(what it printed)."""
        self._write(text)
        wait_until(
            lambda: ready(self.output()) or "FAILED: " in self.output() or self._ended(),
            READY_S,
            text,
        )
        assert ready(self.output()), self.output()

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        """Press Ctrl-C, and close the terminal."""
        assert self.process.stdin
        if not self._ended():
            os.killpg(self.process.pid, signal.SIGINT)
            self.process.stdin.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def clean_environment() -> dict[str, str]:
    """The environment of somebody who has no lab, and no virtual environment that is active."""
    own = str(Path(sys.executable).parent)
    path = [each for each in os.environ["PATH"].split(os.pathsep) if each != own]
    kept = {name: value for name, value in os.environ.items() if name not in OTHERS}
    # Offline is known at once; and compiling all of Django takes longer than anything else here.
    quick = {"PIP_RETRIES": "1", "PIP_NO_COMPILE": "1"}
    return kept | quick | {"PATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


def there(program: str) -> bool:
    """True if this machine has the program."""
    return bool(shutil.which(program))
