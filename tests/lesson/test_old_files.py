"""Old and new files of a lesson's own."""

import pytest

from labkit.own import old_files as old_files_module
from labkit.own.old_files import NEW, OLD, old_files
from work.cleanup import clean_up

HOUR_S = 3600


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(old_files_module, "LAB_FILES", tmp_path)
    return tmp_path


def test_the_old_ones_are_old_enough_and_the_new_ones_are_not(root):
    with old_files("reports", age_s=2 * HOUR_S) as files:
        assert files.names() == ["link/", *NEW, *OLD]
        assert clean_up(root, "reports", HOUR_S, dry_run=False)["dry_run"] is False
        assert files.removed() == list(OLD)
        assert files.outside.exists()


def test_nothing_is_left_and_what_an_interrupted_run_left_is_gone(root):
    for name in ("reports", "reports-outside"):
        (root / name).mkdir()
        (root / name / "left.txt").write_text("of an interrupted run")
    with old_files("reports", age_s=HOUR_S) as files:
        assert "left.txt" not in files.names()
    assert list(root.iterdir()) == []
