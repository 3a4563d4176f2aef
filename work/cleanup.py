"""Remove old files: only files, only inside one folder, and first without removing anything."""

import os
import time
from pathlib import Path

from work.files import path_inside

MIN_AGE_S = 1  # a file that is being written is younger


def old_files(folder: Path, older_than_s: float) -> list[Path]:
    """The files below a folder that nobody has changed for so many seconds, oldest first.

    Symbolic links are neither followed nor named: what they point to may belong to somebody else.
    """
    limit = time.time() - older_than_s
    found = []
    for place, _folders, names in os.walk(folder, followlinks=False):
        for path in (Path(place) / name for name in names):
            try:
                if not path.is_symlink() and path.is_file() and path.stat().st_mtime < limit:
                    found.append((path.stat().st_mtime, path))
            except OSError:
                continue  # somebody else has removed it meanwhile
    return [path for _changed, path in sorted(found)]


def clean_up(root: Path, folder: str, older_than_s: float, *, dry_run: bool) -> dict:
    """Remove the old files below root/folder; with dry_run, only say which they are.

    Returns {"removed": [paths relative to root], "size_bytes": int, "dry_run": bool}.
    Raises ValueError for a folder that is missing, leads out of root or is root itself, and for an
    age below MIN_AGE_S; nothing is removed then.
    """
    if not isinstance(older_than_s, int | float) or not older_than_s >= MIN_AGE_S:
        raise ValueError(f"older_than_s must be at least {MIN_AGE_S}, got {older_than_s!r}")
    place = path_inside(root, folder, "folder")
    if not place.is_dir() or place == root.resolve():
        raise ValueError(f"folder must be a folder among the lab's files, got {folder!r}")
    removed, size_bytes = [], 0
    for path in old_files(place, older_than_s):
        try:
            size = path.stat().st_size
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue  # a second clean-up was faster
        removed.append(str(path.relative_to(root.resolve())))
        size_bytes += size
    return {"removed": removed, "size_bytes": size_bytes, "dry_run": dry_run}
