"""How many files a folder holds, and how much room they take."""

import shutil
from contextlib import suppress
from pathlib import Path

from work.open_folders import files_below, opened_folder


def disk_use(folder: Path) -> dict[str, int]:
    """Count the files below a folder and their bytes, and the free bytes of its disk.

    Returns {"files": int, "size_bytes": int, "free_bytes": int}; a folder that does not exist
    holds 0 files.  Symbolic links are not followed.
    """
    files, size_bytes = 0, 0
    with suppress(FileNotFoundError), opened_folder(folder.resolve()) as handle:
        for file in files_below(handle):
            files += 1
            size_bytes += file.status.st_size
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free_bytes = shutil.disk_usage(existing).free
    return {"files": files, "size_bytes": size_bytes, "free_bytes": free_bytes}
