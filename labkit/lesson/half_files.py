"""Kill a process while it writes a file, and see what lies there."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from celery.result import AsyncResult

from labkit.errors import LabError
from labkit.waiting import wait_until
from work.files import WRITING

ATTEMPTS = 5  # a task may be over before it was seen to begin
TIMEOUT_S = 120  # a task of a lesson takes seconds, and a death is noticed within 5 s


def kill_in_the_middle(
    process: psutil.Process, send: Callable[[], AsyncResult], file: Path, written_bytes: int
) -> tuple[AsyncResult, Path]:
    """Kill the process once the task that `send` sends has written so much of the file.

    The file is removed before.  Returns the task's result, and what it has written: a file beside
    it, under another name.
    """
    before = set(file.parent.glob(f"{WRITING}*"))

    def begun() -> list[Path]:
        new = set(file.parent.glob(f"{WRITING}*")) - before
        return [path for path in new if path.stat().st_size >= written_bytes]

    for _ in range(ATTEMPTS):
        file.unlink()
        result = send()
        wait_until(begun, TIMEOUT_S, as_long_as=partial(_goes_on, result))
        process.suspend()  # frozen, it cannot come to its end before we have looked
        if half := begun():
            process.kill()
            result.get(timeout=TIMEOUT_S, propagate=False)
            return result, half[0]
        process.resume()
        result.get(timeout=TIMEOUT_S)
    raise LabError("each task was over before it could be killed", "./lab status")


def _goes_on(result: AsyncResult) -> bool:
    return not result.ready()
