"""How many files a folder holds, and how much room they take."""

import shutil
from pathlib import Path


def disk_use(folder: Path) -> dict[str, int]:
    """Count the files below a folder and their bytes, and the free bytes of its disk.

    Returns {"files": int, "size_bytes": int, "free_bytes": int}; a folder that does not exist
    holds 0 files.  Symbolic links are not followed.
    """
    files, size_bytes = 0, 0
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except OSError:
            continue  # deleted since it was listed
        if path.is_file() and not path.is_symlink():
            files += 1
            size_bytes += status.st_size
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free_bytes = shutil.disk_usage(existing).free
    return {"files": files, "size_bytes": size_bytes, "free_bytes": free_bytes}
