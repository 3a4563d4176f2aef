"""Settings of all tests."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.helpers.small_lab import SmallLab
from work.ledger import Ledger

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
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own in place of the lab's files, for every task."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, module in list(sys.modules.items()):
        if name.startswith("tasks.") and hasattr(module, "LAB_FILES"):
            monkeypatch.setattr(module, "LAB_FILES", folder)
    return folder


@pytest.fixture
def ledger(files: Path) -> Ledger:
    """The ledger of the run called run, which every task finds."""
    return Ledger(files / "ledgers", "run")


@pytest.fixture
def small_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLab:
    """A lab of a few files, not under git; a lesson of its holds its lock in a home of its own."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home of the small lab"))
    return SmallLab(tmp_path / "small lab")
