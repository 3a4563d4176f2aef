"""A link that comes between the check of a path and its use leads nowhere; depth has no limit."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from tasks.realworld_tasks import cleanup as cleanup_tasks
from work import images
from work.cleanup import clean_up
from work.files import path_inside, write_atomically
from work.flights import exports, flight_file, reports, timetable
from work.folders import disk_use

DEEP = 1500  # Python's own limit is 1000 calls; as a path it is longer than any system allows
OLD_S = 7200


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of the lab's, and one beside it with files of the same names."""
    for place in ("files", "outside"):
        for folder in ("images", "timetables", "reports", "exports"):
            (tmp_path / place / folder).mkdir(parents=True)
        Image.new("RGB", (64, 48)).save(tmp_path / place / "images/mine.png")
        (tmp_path / place / "timetables/mine.csv").write_text("secret")
        (tmp_path / place / "reports/mine.pdf").write_bytes(b"secret")
    return tmp_path / "files"


def link_to_the_file(path: Path) -> None:
    path.unlink()
    path.symlink_to(outside(path))


def link_to_the_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("was-here"))
    path.parent.symlink_to(outside(path).parent)


def outside(path: Path) -> Path:
    return path.parents[2] / "outside" / path.parent.name / path.name


READERS = {
    "images/mine.png": lambda files: images.process("images/mine.png", ["crop"], files),
    "timetables/mine.csv": lambda files: timetable.read("mine", files),
    "reports/mine.pdf": lambda files: reports.read_report({"file": "reports/mine.pdf"}, files),
}


@pytest.mark.parametrize("swap", [link_to_the_file, link_to_the_folder])
@pytest.mark.parametrize("name", READERS)
def test_a_link_that_comes_after_the_check_is_not_read(files, monkeypatch, swap, name):
    def check_then_swap(*arguments) -> Path:
        path = path_inside(*arguments)
        swap(path)
        return path

    for module in (images, timetable, reports):
        monkeypatch.setattr(module, "path_inside", check_then_swap)
    with pytest.raises(ValueError, match=r"that is there|must be one of"):
        READERS[name](files)
    assert len(list((files.parent / "outside" / Path(name).parent).iterdir())) == 1


@pytest.mark.parametrize("swap", [link_to_the_file, link_to_the_folder])
def test_a_file_of_flights_that_becomes_a_link_is_not_read(files, swap):
    path = flight_file.source_file(files, "timetables/mine.csv")
    swap(path)
    with pytest.raises(FileNotFoundError):
        flight_file.chunks_of(path, 10)


def test_nothing_is_written_through_a_folder_that_became_a_link(files):
    path = exports.file_of(files, "north")
    link_to_the_folder(path)
    with pytest.raises(FileNotFoundError):
        write_atomically(path, b"content")
    assert list((files.parent / "outside/exports").iterdir()) == []


def test_a_write_makes_its_folders_and_replaces_a_link_at_its_end(files):
    write_atomically(files / "new/deep/file", b"content")
    assert (files / "new/deep/file").read_bytes() == b"content"
    secret = files.parent / "outside/reports/mine.pdf"
    (files / "new/link").symlink_to(secret)
    write_atomically(files / "new/link", b"content")
    assert secret.read_bytes() == b"secret"
    assert not (files / "new/link").is_symlink()


@pytest.fixture
def deep(files: Path) -> Iterator[Path]:
    """Folders in folders, with an old file in the last one; made and removed step by step."""
    start = os.open(files / "images", os.O_RDONLY)
    handle = os.dup(start)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=handle)
        handle = _into("d", handle)
    os.close(os.open("old", os.O_CREAT, dir_fd=handle))
    os.utime("old", (time.time() - OLD_S,) * 2, dir_fd=handle)
    yield files
    with suppress(FileNotFoundError):
        os.unlink("old", dir_fd=handle)
    for _ in range(DEEP):
        handle = _into("..", handle)
        os.rmdir("d", dir_fd=handle)
    os.close(handle)
    os.close(start)


def _into(name: str, handle: int) -> int:
    inner = os.open(name, os.O_RDONLY, dir_fd=handle)
    os.close(handle)
    return inner


def test_files_are_found_and_removed_however_deep_they_are(deep, monkeypatch):
    monkeypatch.setattr(cleanup_tasks, "LAB_FILES", deep)
    before = {file.name for file in Path("/dev/fd").iterdir()}
    found = cleanup_tasks.cleanup_files("images", 3600, dry_run=False)
    assert [path.count("/d") for path in found["removed"]] == [DEEP]
    assert cleanup_tasks.cleanup_files("images", 3600)["removed"] == []
    # Every folder that was opened is closed; Python may close what other tests have left, too.
    assert {file.name for file in Path("/dev/fd").iterdir()} <= before


def test_files_are_counted_however_deep_they_are(deep):
    assert disk_use(deep / "images")["files"] == 2  # with mine.png


def test_a_folder_that_is_moved_while_it_is_searched_ends_the_search(files, monkeypatch):
    (files / "images/inner").mkdir()
    for name in ("images/inner/old", "images/old"):
        (files / name).touch()
        os.utime(files / name, (time.time() - OLD_S,) * 2)
    (files.parent / "outside/images/old").touch()
    os.utime(files.parent / "outside/images/old", (time.time() - OLD_S,) * 2)
    unlink: Callable = os.unlink

    def unlink_then_move(name, **how):
        unlink(name, **how)
        if (files / "images/inner").exists() and not (files / "images/inner/old").exists():
            (files / "images/inner").rename(files.parent / "outside/images/inner")

    monkeypatch.setattr(os, "unlink", unlink_then_move)
    clean_up(files, "images", 3600, dry_run=False)
    assert (files.parent / "outside/images/old").exists()
