"""Where the partner services are that `./lab partners` has started: a file, and who wrote it.

A program that is killed leaves its file.  So the file names its writer by process id and start
time (after its end, the system gives the number to another one), and counts while that one runs.
"""

import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from work.files import write_atomically

CONNECT_TIMEOUT_S = 1  # on one machine it takes less than a millisecond
CLOCK_STEP_S = 1.5  # start times are counted from the boot time, which moves when the clock is set


def write_address(file: Path, url: str) -> None:
    """Say that this process listens at `url`, in one step: the file is whole, or not there."""
    import psutil  # deferred: most tasks do not need it

    writer = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    write_atomically(file.resolve(), json.dumps({"url": url} | writer).encode())


def read_address(file: Path) -> str | None:
    """The address in the file, if its writer still runs; else None."""
    import psutil

    try:
        content = json.loads(file.read_text())
        writer = psutil.Process(content["pid"])
        runs = abs(writer.create_time() - content["started"]) < CLOCK_STEP_S
        return content["url"] if runs and writer.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None  # no file, no writer, or a file of an older lab


def partners_url(file: Path) -> str | None:
    """PARTNERS_URL, or the address in the file; None if there is neither."""
    return os.environ.get("PARTNERS_URL") or read_address(file)


def answers(url: str) -> bool:
    """True if somebody takes connections at http://HOST:PORT."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True
