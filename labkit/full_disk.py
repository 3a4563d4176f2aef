"""Is the disk full?  Then every other error of a lesson is only a consequence of that."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from lab_home import LAB_FILES, LAB_HOME
from labkit.errors import LabError, in_shell

ROOM_BYTES = 65_536  # with less, a log and a ledger cannot both go on


def full_disk(error: OSError) -> LabError:
    """The error for a write that found no room; it names the disk, where that is known."""
    known = disk_error([LAB_HOME, LAB_FILES])
    if not known and error.filename:
        return LabError(f"the disk is full: {error.filename}", "df -h")
    return known or LabError("the disk is full", "df -h")


def why_not_started(error: OSError) -> str:
    """Why a process could not be started, or not be written down."""
    known = disk_error([LAB_HOME])
    return known.sentence if known else f"it cannot be started: {error}"


def disk_error(folders: Iterable[Path]) -> LabError | None:
    """An error that names the first of these folders whose disk has no room left; else None.

    A folder that is not there is not asked.
    """
    for folder in folders:
        if folder.is_dir() and shutil.disk_usage(folder).free < ROOM_BYTES:
            return LabError(f"the disk is full: {folder}", f"df -h {in_shell(folder)}")
    return None
