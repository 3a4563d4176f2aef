"""What lessons leave in the system's folder for temporary files: nothing."""

from pathlib import Path

import pytest

from tests.stack.labs import Lab


@pytest.mark.parametrize("number", ["25", "34"])  # they kill workers, which cannot clean up
def test_a_lesson_leaves_nothing_in_the_temporary_folder(lab: Lab, tmp_path: Path, number: str):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    ran = lab.run("run", number, timeout_s=300, TMPDIR=str(temporary))
    assert ran.returncode == 0, ran.stderr
    assert list(temporary.iterdir()) == []
    assert not (lab.home / "temporary").exists()
