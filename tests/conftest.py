"""Settings of all tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.helpers.small_lab import SmallLab

# Everything that a test run leaves lies in .lab.
set_hypothesis_home_dir(Path(__file__).parents[1] / ".lab/cache/hypothesis")

# A busy machine is no fault of what is tested.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")


@pytest.fixture
def small_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLab:
    """A lab of a few files, not under git; a lesson of its holds its lock in a home of its own."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home of the small lab"))
    return SmallLab(tmp_path / "small lab")
