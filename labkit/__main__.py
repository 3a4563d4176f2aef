"""What `./lab` starts: the lab command, and no traceback for a Ctrl-C that comes early."""

import signal

# While the command is being imported there is nothing to clean up: Ctrl-C ends us at once.
by_python = signal.getsignal(signal.SIGINT)
if by_python is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from labkit.cli import program  # noqa: E402 - see above

signal.signal(signal.SIGINT, by_python)
program()
