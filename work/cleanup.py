"""Remove old files: only files, only inside one folder, and first without removing anything.

Between a look at a file and its removal somebody can put a symbolic link in the place of its
folder.  So a file is named by its open folder and its name in there (work/open_folders.py), not by
a path from the root: a path would be followed anew, to wherever it leads by then.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from work.files import path_inside
from work.open_folders import FoundFile, files_below, opened_folder

MIN_AGE_S = 1  # a file that is being written is younger


def old_files(folder: int, older_than_s: float) -> Iterator[FoundFile]:
    """The files below an open folder that nobody has changed for so many seconds.

    Symbolic links are neither followed nor named: what they point to may belong to somebody else.
    """
    limit = time.time() - older_than_s
    return (file for file in files_below(folder) if file.status.st_mtime < limit)


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
        with opened_folder(root.resolve() / place) as handle:
            for file in old_files(handle, older_than_s):
                if not dry_run and not _remove(file):
                    continue  # a second clean-up was faster
                found = file.status
                removed.append((found.st_mtime, str(place / file.path), found.st_size))
    except FileNotFoundError:
        raise ValueError(f"folder must be a folder among the lab's files, got {folder!r}") from None
    return {
        "removed": [path for _changed_at, path, _size in sorted(removed)],
        "size_bytes": sum(size for _changed_at, _path, size in removed),
        "dry_run": dry_run,
    }


def _remove(file: FoundFile) -> bool:
    try:
        os.unlink(file.name, dir_fd=file.folder)
    except FileNotFoundError:
        return False
    return True
