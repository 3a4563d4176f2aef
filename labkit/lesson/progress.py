"""A bar for a task that reports how far it is: {"done": 3, "total": 8} with its state."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery.result import AsyncResult
from rich.console import Console
from rich.progress import Progress

POLL_S = 0.01  # the quickest step of a lesson's task takes that long


class ProgressBar:
    """A bar on standard error; `stood` is where it has stood, in order, each place once."""

    def __init__(self, progress: Progress, label: str) -> None:
        self.stood: list[int] = []
        self._progress = progress
        self._line = progress.add_task(label, total=None)

    def show(self, info: Any) -> None:
        """Move the bar to what a task has stored beside its state, where that says how far it is.

        With PENDING nothing is stored, with STARTED the process and the worker.
        """
        if isinstance(info, dict) and "done" in info and self.stood[-1:] != [info["done"]]:
            self.stood.append(info["done"])
            self._progress.update(self._line, completed=info["done"], total=info["total"])

    def fill(self) -> None:
        """Move it to its end."""
        task = self._progress.tasks[0]
        self._progress.update(self._line, completed=task.total or 1, total=task.total or 1)


@contextmanager
def progress_bar(label: str) -> Iterator[ProgressBar]:
    """Show a bar while the block runs.

    It moves on a terminal only, and on standard error: standard output keeps what is worth keeping.
    """
    with Progress(console=Console(stderr=True), redirect_stdout=False) as progress:
        yield ProgressBar(progress, label)


def follow(
    result: AsyncResult,
    label: str,
    meanwhile: Callable[[], object] = lambda: None,
    every_s: float = POLL_S,
) -> list[int]:
    """Show a bar until the task ends; return the steps that were seen, in order.

    Who asks now and then can miss a step.
    meanwhile: called at each look.  every_s: look less often, where the work takes seconds.
    """
    with progress_bar(label) as bar:
        while not result.ready():
            bar.show(result.info)
            meanwhile()
            time.sleep(every_s)
        if result.successful():
            bar.fill()
    return bar.stood
