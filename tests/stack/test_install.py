"""To install with uv or pip, each in a fresh copy of the project, with a space in its path.

test_readme_commands.py has the third way, the lab command.  Each needs the package index: without
it they skip, or fail where LAB_REQUIRE names "install".
"""

import shutil
from pathlib import Path

import pytest

from tests.stack.helpers.fresh_copy import CELERY, FreshCopy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def copy(tmp_path: Path) -> FreshCopy:
    return FreshCopy(tmp_path)


def test_uv_sync_gives_a_working_environment_which_the_lab_command_takes_over(copy):
    if not shutil.which("uv", path=copy.environment["PATH"]):
        pytest.skip("uv is not on this machine; pip install uv")
    copy.run("uv", "sync")
    copy.check(copy.root / ".venv")
    assert CELERY in copy.run(copy.root / ".venv/bin/lab", "--version")
    assert CELERY in copy.run("./lab", "--version")
    copy.check(copy.root / ".venv")


def test_pip_install_in_editable_mode_gives_a_working_environment(copy, tmp_path):
    environment = tmp_path / "my environment"
    copy.run("python3", "-m", "venv", environment)
    copy.run(environment / "bin/python", "-m", "pip", "install", "--editable", ".")
    assert CELERY in copy.run(environment / "bin/lab", "--version", folder=Path("/"))
    copy.check(environment)
