"""What `./lab` starts: the lab command, and no traceback for a Ctrl-C that comes early."""

import os
import signal
import sys

# What only prints titles or help must not stop at a setting that is wrong.
without_settings = sys.argv[1:2] in ([], ["lessons"], ["--help"], ["--version"])
if without_settings:
    os.environ["LAB_WITHOUT_SETTINGS"] = "1"

# While the command is being imported there is nothing to clean up: Ctrl-C ends us at once.
by_python = signal.getsignal(signal.SIGINT)
if by_python is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from lab_env import misspelled_names  # noqa: E402 - see above
from labkit.cli import program  # noqa: E402

for warning in [] if without_settings else misspelled_names():
    print(f"{warning}\n", file=sys.stderr, flush=True)

signal.signal(signal.SIGINT, by_python)
program()
