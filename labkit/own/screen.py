"""Programs that draw on a whole terminal: run one in a terminal of its own, and read it."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence
from contextlib import suppress

from lab_home import ROOT
from labkit.processes.start import child_environment
from labkit.waiting import wait_until

ROWS, COLUMNS = 30, 100
TIMEOUT_S = 20  # a program draws its first page in about 1 s; the rest is for a busy machine
QUIT_S = 3  # after Ctrl-C


def draws(text: str, command: Sequence[str]) -> bool:
    """True if a program draws `text`; it is ended by Ctrl-C then, or after TIMEOUT_S seconds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=child_environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    drawn = b""

    def seen() -> bool:
        nonlocal drawn
        with suppress(BlockingIOError):  # nothing new
            drawn += os.read(ours, 65536)
        return text.encode() in drawn

    try:
        with suppress(OSError):  # the program has ended
            wait_until(seen, TIMEOUT_S)
        process.send_signal(signal.SIGINT)
        process.wait(QUIT_S)
    except subprocess.TimeoutExpired:
        pass  # it is killed
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return text.encode() in drawn
