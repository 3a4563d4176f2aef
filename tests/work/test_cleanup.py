"""Cleaning up: what is removed, and what never is."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.realworld_tasks import cleanup as cleanup_tasks
from work import cleanup
from work.cleanup import clean_up

HOUR_S = 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/reports/deep").mkdir(parents=True)
    return tmp_path / "root"


def make(path: Path, age_s: float) -> Path:
    path.write_text("four")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def test_only_old_files_are_removed_and_their_bytes_counted(root):
    make(root / "reports/old", 2 * HOUR_S)
    make(root / "reports/deep/older", 3 * HOUR_S)
    new = make(root / "reports/new", 10)
    beside = make(root / "beside", 2 * HOUR_S)
    assert clean_up(root, "reports", HOUR_S, dry_run=False) == {
        "removed": ["reports/deep/older", "reports/old"],
        "size_bytes": 8,
        "dry_run": False,
    }
    assert new.exists() and beside.exists()
    assert clean_up(root, "reports", HOUR_S, dry_run=False)["removed"] == []


def test_a_dry_run_says_the_same_and_removes_nothing(root):
    old = make(root / "reports/old", 2 * HOUR_S)
    assert clean_up(root, "reports", HOUR_S, dry_run=True)["removed"] == ["reports/old"]
    assert old.exists()


def test_a_link_is_neither_followed_nor_removed(root):
    outside = root.parent / "outside"
    outside.mkdir()
    theirs = make(outside / "theirs", 2 * HOUR_S)
    (root / "reports/folder").symlink_to(outside)
    (root / "reports/file").symlink_to(theirs)
    assert clean_up(root, "reports", HOUR_S, dry_run=False)["removed"] == []
    assert theirs.exists() and (root / "reports/file").is_symlink()


@pytest.fixture
def outside(root) -> Path:
    """A folder that is nobody's to clean, with a file of the same name in it."""
    folder = root.parent / "outside"
    (folder / "deep").mkdir(parents=True)
    make(folder / "deep/old", 2 * HOUR_S)
    make(folder / "old", 2 * HOUR_S)
    return folder


def swap(folder: Path, target: Path) -> None:
    """What an attacker does between two looks: a link stands where the folder was."""
    folder.rename(folder.with_name("was-here"))
    folder.symlink_to(target)


def test_a_folder_that_becomes_a_link_after_the_look_at_its_files_leads_nowhere(
    root, outside, monkeypatch
):
    make(root / "reports/old", 2 * HOUR_S)
    look = os.stat

    def look_then_swap(path, **how):
        found = look(path, **how)
        if str(path).endswith("old") and not (root / "reports").is_symlink():
            swap(root / "reports", outside)
        return found

    monkeypatch.setattr(os, "stat", look_then_swap)
    clean_up(root, "reports", HOUR_S, dry_run=False)
    monkeypatch.undo()
    assert (root / "reports").is_symlink()
    assert (outside / "old").exists() and (outside / "deep/old").exists()


def test_a_folder_that_becomes_a_link_before_it_is_opened_is_refused(root, outside, monkeypatch):
    def check_then_swap(*arguments):
        path = check(*arguments)
        swap(root / "reports", outside)
        return path

    check = cleanup.path_inside
    monkeypatch.setattr(cleanup, "path_inside", check_then_swap)
    with pytest.raises(ValueError, match="folder must be a folder among the lab's files"):
        clean_up(root, "reports/deep", HOUR_S, dry_run=False)
    assert (outside / "deep/old").exists()


@pytest.mark.parametrize(
    "folder", [".", "reports/..", "../outside", "/etc", "reports/../..", "link", "", "missing"]
)
def test_a_folder_that_is_missing_outside_or_all_of_it_is_refused(root, folder):
    (root.parent / "outside").mkdir()
    (root / "link").symlink_to(root.parent / "outside")
    with pytest.raises(ValueError, match="folder must"):
        clean_up(root, folder, HOUR_S, dry_run=False)


@pytest.mark.parametrize("age_s", [0, -1, 0.5, float("nan"), "3600", None])
def test_an_age_below_a_second_is_refused(root, age_s):
    with pytest.raises(ValueError, match="older_than_s must be at least 1, got"):
        clean_up(root, "reports", age_s, dry_run=False)


@given(ages=st.lists(st.integers(0, 1000), max_size=8), limit=st.integers(1, 1000))
def test_exactly_those_above_the_limit_are_old(tmp_path_factory, ages, limit):
    folder = tmp_path_factory.mktemp("ages")
    for number, age_s in enumerate(ages):
        make(folder / f"{number}", age_s + 0.5)  # never within a moment of the limit
    found = clean_up(folder.parent, folder.name, limit, dry_run=True)["removed"]
    assert len(found) == sum(age_s >= limit for age_s in ages)


@pytest.mark.parametrize("lock_s", [0, 0.001, -1, 61, "1"])
def test_a_lock_that_never_ends_or_is_over_at_once_is_refused(files, lock_s):
    with pytest.raises(ValueError, match="lock_s must be "):
        cleanup_tasks.count_stock("run", 0, lock_s)
    assert not list(files.iterdir())
