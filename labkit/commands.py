"""Celery's own commands, run by a lesson as a person would type them."""

import shlex
import subprocess
from dataclasses import dataclass

from lab_home import ROOT
from labkit.spawn import child_environment

TIMEOUT_S = 60  # a command takes about 1 s; the rest is for a busy machine


@dataclass(frozen=True)
class Printed:
    """What a command printed on both of its outputs, and its exit code."""

    text: str
    code: int

    def lines(self) -> list[str]:
        """The lines that are not empty, without spaces at their ends."""
        return [line.rstrip() for line in self.text.splitlines() if line.strip()]


class CeleryCommand:
    """`celery -A celery_app ARGUMENTS`, which runs from now on; several can run side by side."""

    def __init__(self, *arguments: str) -> None:
        self.command = ["celery", "-A", "celery_app", *arguments]
        self._process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def line(self) -> str:
        """The command as a person types it."""
        return f"$ {shlex.join(self.command)}"

    def printed(self) -> Printed:
        """Wait for its end, and return what it printed."""
        try:
            text, _ = self._process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            self._process.kill()
            raise
        return Printed(text, self._process.returncode)


def celery_command(*arguments: str) -> Printed:
    """Run one command to its end; print its line, and below it what it printed."""
    command = CeleryCommand(*arguments)
    print(command.line(), flush=True)
    printed = command.printed()
    print(*printed.lines(), sep="\n", flush=True)
    return printed
