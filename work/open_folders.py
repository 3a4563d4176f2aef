"""Folders and files by open descriptors, where a path could be led elsewhere.

Between a look at a path and its use somebody can put a symbolic link in the place of the file, or
of a folder above it.  So each folder is opened inside the one that is open already, and no step
may be a link.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW
# Enough to go through a folder; O_RDONLY would ask for more rights than a path needs.
THROUGH = FOLDER | getattr(os, "O_PATH", os.O_RDONLY)


@contextmanager
def opened_folder(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open a folder, step by step; `path` is absolute and resolved: a link in it is a new one.

    make: make what is missing.
    Raises FileNotFoundError, also for a link, and for what is no folder.
    """
    with _links_are_missing(path):
        handle = os.open(path.anchor, THROUGH)
        try:
            for part in path.parts[1:]:
                try:
                    inner = os.open(part, THROUGH, dir_fd=handle)
                except FileNotFoundError:
                    if not make:
                        raise
                    with suppress(FileExistsError):  # somebody else was faster
                        os.mkdir(part, dir_fd=handle)
                    inner = os.open(part, THROUGH, dir_fd=handle)
                os.close(handle)
                handle = inner
        except BaseException:
            os.close(handle)
            raise
    try:
        yield handle
    finally:
        os.close(handle)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading in the same way.

    Raises FileNotFoundError, also for a folder, and for a pipe, which keeps a reader waiting.
    """
    with opened_folder(path.parent) as folder, _links_are_missing(path):
        how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.fdopen(os.open(path.name, how, dir_fd=folder), "rb")
    if not S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileNotFoundError(errno.ENOENT, "not a file", str(path))
    return file


@contextmanager
def _links_are_missing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}:
            raise FileNotFoundError(errno.ENOENT, "not there", str(path)) from None
        raise


@dataclass(frozen=True)
class FoundFile:
    """A file in an open folder."""

    folder: int  # a file descriptor, open until the next file comes
    name: str
    path: str  # for people, relative to where the search began
    status: os.stat_result


@dataclass
class _Level:
    """A folder on the way down: its name, which one it is, and what in it is still to do."""

    name: str
    identity: tuple[int, int]
    folders: list[str] = field(default_factory=list)


def files_below(folder: int) -> Iterator[FoundFile]:
    """All files below an open folder.  Symbolic links are neither followed nor named.

    One folder is open at a time, and none is named by its path: there is no limit to the depth.
    If somebody moves a folder meanwhile, the search ends there.
    """
    handle = os.open(".", os.O_RDONLY | FOLDER, dir_fd=folder)
    levels = [_Level(".", _identity(handle))]
    try:
        yield from _files_in(handle, levels)
        while levels:
            if levels[-1].folders:
                name = levels[-1].folders.pop()
                try:
                    inner = os.open(name, os.O_RDONLY | FOLDER, dir_fd=handle)
                except OSError:
                    continue  # gone meanwhile, or closed to us
                os.close(handle)
                handle = inner
                levels.append(_Level(name, _identity(handle)))
                yield from _files_in(handle, levels)
                continue
            levels.pop()
            if levels:
                above = os.open("..", os.O_RDONLY | FOLDER, dir_fd=handle)
                os.close(handle)
                handle = above
                if _identity(handle) != levels[-1].identity:
                    return
    finally:
        os.close(handle)


def _identity(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_dev, status.st_ino


def _files_in(handle: int, levels: list[_Level]) -> Iterator[FoundFile]:
    """The files of one folder; its folders go into its level."""
    place = "/".join(level.name for level in levels[1:])
    for name in os.listdir(handle):
        try:
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except OSError:
            continue  # somebody else has removed it meanwhile
        if S_ISREG(status.st_mode):
            yield FoundFile(handle, name, f"{place}/{name}" if place else name, status)
        elif S_ISDIR(status.st_mode):
            levels[-1].folders.append(name)
