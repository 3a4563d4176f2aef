"""Files of the lab: paths that stay inside one folder, and writes that are whole or absent."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from work.open_folders import opened_folder

MAX_PATH_CHARACTERS = 200  # every file system allows that much
MAX_NAME_BYTES = 255  # what file systems allow for one name; a character has up to four bytes
WRITING = ".writing-"  # how the names of files begin that are not complete


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
        if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.parts):
            raise ValueError
    except (OSError, RuntimeError, ValueError):  # a loop of links; a zero byte; a long name
        raise ValueError(f"{what} must be a path that can exist, got {name!r}") from None
    if not path.is_relative_to(root):
        raise ValueError(f"{what} must stay inside the lab's files, got {name!r}")
    return path


@contextmanager
def whole_or_absent(path: Path) -> Iterator[IO[bytes]]:
    """Write a file piece by piece, so that a reader finds all of it, or what was there before.

    path: absolute.  One that path_inside() has returned holds no link; if somebody puts one there
        since, FileNotFoundError is raised.
    The pieces go into a temporary file beside it, which takes the name in one step at the end of
    the block.  After an error the temporary file is removed; after a kill it
    stays, and nobody takes it for the file.  Folders that are missing are made.
    """
    with opened_folder(path.parent, make=True) as folder:
        # region whole
        temporary = f"{WRITING}{secrets.token_hex(8)}"
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(temporary, how, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                # Without it, a power cut could keep the new name and lose the content.
                os.fsync(file.fileno())
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
        # endregion


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a small file in the same way, whole or not at all."""
    with whole_or_absent(path) as file:
        file.write(content)
