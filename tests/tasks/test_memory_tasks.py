"""The task of lesson 36, called as a plain function."""

import os

import pytest

from tasks.advanced_tasks import draw_boarding_pass
from work import boarding_passes


@pytest.fixture
def drawn(monkeypatch):
    """An empty list in place of the one that leaks."""
    leak: list[bytes] = []
    monkeypatch.setattr(boarding_passes, "_drawn", leak)
    return leak


def test_each_boarding_pass_stays_in_memory(drawn):
    sizes_mb = [1, 2, 1]
    for size in sizes_mb:
        assert draw_boarding_pass(size)["memory_mb"] > size
    assert [len(one) for one in drawn] == [size * 1_000_000 for size in sizes_mb]


def test_it_names_the_process_that_did_it(drawn):
    assert draw_boarding_pass(1)["pid"] == os.getpid()


@pytest.mark.parametrize("size_mb", [0, -1, 501, 1.5, "20", None])
def test_a_wrong_size_is_refused_before_anything_is_kept(drawn, size_mb):
    with pytest.raises(ValueError, match=r"^size_mb must be 1 to 500, got "):
        draw_boarding_pass(size_mb)
    assert drawn == []
