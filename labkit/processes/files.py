"""Small files that others read while the lab writes them."""

import os
from pathlib import Path

FOR_ALL, FOR_ITS_OWNER = 0o666, 0o600  # the first is what the umask leaves of it


def replace_file(path: Path, text: str, mode: int = FOR_ALL) -> None:
    """Write a file in one step: a reader finds all of it, or what was there before.

    mode: it has that from its first moment on, when nobody has seen what it holds.
    Raises OSError where it cannot be written; what was there stays, and nothing lies beside it.
    """
    new = path.with_suffix(".new")
    try:
        new.unlink(missing_ok=True)  # of a program that was killed
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
