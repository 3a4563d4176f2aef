"""Settings of all tests."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.helpers.small_lab import SmallLab

# Everything that a test run leaves lies in .lab.  Compiled modules are kept there too, for this
# process alone: to compile them all anew took each test process 4 s, and a child may run from a
# copy of the lab that is edited twice in a second.
CACHE = Path(__file__).parents[1] / ".lab/cache"
set_hypothesis_home_dir(CACHE / "hypothesis")
if sys.dont_write_bytecode:
    sys.pycache_prefix, sys.dont_write_bytecode = str(CACHE / "pycache"), False

# A busy machine is no fault of what is tested.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("lab"), max_examples=20)
settings.load_profile("lab")


@pytest.fixture
def small_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLab:
    """A lab of a few files, not under git; a lesson of its holds its lock in a home of its own."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home of the small lab"))
    return SmallLab(tmp_path / "small lab")
