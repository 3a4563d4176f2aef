"""Files of the lab: paths that stay inside one folder, and writes that are whole or absent."""

import os
import tempfile
from pathlib import Path

MAX_PATH_CHARACTERS = 200  # every file system allows that much


def path_inside(folder: Path, name: str, what: str) -> Path:
    """Resolve `name`, relative to `folder`, to an absolute path that lies inside the folder.

    Symbolic links are followed first, so that a link cannot lead out of the folder either.
    The file itself need not exist.

    what: the name of the argument, for the error message.
    Raises ValueError for a path that leads outside, and for one that no file can have.

    >>> path_inside(Path("/data"), "../etc/passwd", "image_path")
    Traceback (most recent call last):
    ...
    ValueError: image_path must stay inside the lab's files, got '../etc/passwd'
    """
    if not isinstance(name, str) or not name or len(name) > MAX_PATH_CHARACTERS:
        got = repr(name) if not isinstance(name, str) else f"{len(name)} characters"
        raise ValueError(
            f"{what} must be a path of 1 to {MAX_PATH_CHARACTERS} characters, got {got}"
        )
    root = folder.resolve()
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; a zero byte
        raise ValueError(f"{what} must be a path that can exist, got {name!r}") from None
    if not path.is_relative_to(root):
        raise ValueError(f"{what} must stay inside the lab's files, got {name!r}")
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the whole new file or the old one, never half.

    The content goes into a temporary file beside it, which then takes the name in one step.
    Folders that are missing are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            # Without it, a power cut could keep the new name and lose the content.
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
