"""Remove old files: only files, only inside one folder, and first without removing anything.

Between a look at a file and its removal somebody can put a symbolic link in the place of its
folder.  So the folders are opened, and a file is named by its open folder and its name in there,
not by a path from the root: a path would be followed anew, to wherever it leads by then.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from work.files import path_inside

MIN_AGE_S = 1  # a file that is being written is younger


@dataclass(frozen=True)
class OldFile:
    """A file that may go: its name in an open folder."""

    folder: int  # a file descriptor, open until the next OldFile comes
    name: str
    path: str  # for people, relative to where the search began
    changed_at: float
    size_bytes: int


def old_files(folder: int, older_than_s: float) -> Iterator[OldFile]:
    """The files below an open folder that nobody has changed for so many seconds.

    Symbolic links are neither followed nor named: what they point to may belong to somebody else.
    """
    limit = time.time() - older_than_s
    for place, _folders, names, opened in os.fwalk(".", follow_symlinks=False, dir_fd=folder):
        for name in names:
            try:
                found = os.stat(name, dir_fd=opened, follow_symlinks=False)
            except OSError:
                continue  # somebody else has removed it meanwhile
            if S_ISREG(found.st_mode) and found.st_mtime < limit:
                path = str(Path(place) / name)
                yield OldFile(opened, name, path, found.st_mtime, found.st_size)


def clean_up(root: Path, folder: str, older_than_s: float, *, dry_run: bool) -> dict:
    """Remove the old files below root/folder; with dry_run, only say which they are.

    Returns {"removed": [paths relative to root, the oldest first], "size_bytes": int,
    "dry_run": bool}.
    Raises ValueError for a folder that is missing, leads out of root or is root itself, and for an
    age below MIN_AGE_S; nothing is removed then.
    """
    if not isinstance(older_than_s, int | float) or not older_than_s >= MIN_AGE_S:
        raise ValueError(f"older_than_s must be at least {MIN_AGE_S}, got {older_than_s!r}")
    place = path_inside(root, folder, "folder").relative_to(root.resolve())
    if place == Path():
        raise ValueError(f"folder must be a folder among the lab's files, got {folder!r}")
    removed = []
    try:
        with _opened(root.resolve(), place) as handle:
            for file in old_files(handle, older_than_s):
                if not dry_run and not _remove(file):
                    continue  # a second clean-up was faster
                removed.append((file.changed_at, str(place / file.path), file.size_bytes))
    except (NotADirectoryError, FileNotFoundError):
        raise ValueError(f"folder must be a folder among the lab's files, got {folder!r}") from None
    return {
        "removed": [path for _changed_at, path, _size in sorted(removed)],
        "size_bytes": sum(size for _changed_at, _path, size in removed),
        "dry_run": dry_run,
    }


@contextmanager
def _opened(root: Path, place: Path) -> Iterator[int]:
    """Open a folder below root step by step; no step may be a symbolic link.

    Raises FileNotFoundError and NotADirectoryError, for a link, too.
    """
    how = os.O_RDONLY | os.O_DIRECTORY
    handle = os.open(root, how)
    try:
        for part in place.parts:
            inner = os.open(part, how | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _remove(file: OldFile) -> bool:
    try:
        os.unlink(file.name, dir_fd=file.folder)
    except FileNotFoundError:
        return False
    return True
