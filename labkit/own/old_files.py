"""Old and new files of a lesson's own, for a task that removes the old ones."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab_home import LAB_FILES

OLD = ("old-1.txt", "old-2.txt", "sub/old-3.txt")
NEW = ("new-1.txt", "new-2.txt")


@dataclass(frozen=True)
class OldFiles:
    """A folder among the lab's files; in it OLD, NEW and a link to the folder of `outside`."""

    folder: Path
    outside: Path  # an old file of somebody else

    def names(self) -> list[str]:
        """What lies in the folder, sorted; "link/" is the link, and what it leads to is no part."""
        found = (path for path in self.folder.rglob("*") if path.is_symlink() or path.is_file())
        inside = [path for path in found if self.folder / "link" not in path.parents]
        return sorted(f"{path.relative_to(self.folder)}{'/' * path.is_dir()}" for path in inside)

    def removed(self) -> list[str]:
        """Which of OLD and NEW are gone, sorted."""
        return sorted(set(OLD + NEW) - set(self.names()))


@contextmanager
def old_files(name: str, age_s: float) -> Iterator[OldFiles]:
    """Make them, the old ones age_s seconds old; remove them in the end.

    name: of the folder; the one that the link leads to is NAME-outside.
    """
    folder = LAB_FILES / name
    outside = LAB_FILES / f"{name}-outside"
    files = OldFiles(folder, outside / "old.txt")
    old = [*(folder / one for one in OLD), files.outside]
    new = [folder / one for one in NEW]
    _remove(folder, outside)  # of a run that was interrupted
    try:
        for path in [*old, *new]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a report")
        for path in old:
            os.utime(path, (time.time() - age_s,) * 2)
        (folder / "link").symlink_to(outside)
        yield files
    finally:
        _remove(folder, outside)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
