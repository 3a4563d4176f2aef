"""A folder with a copy of lab_home.py and lab_env.py, asked in a process of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import lab_env
import lab_home

HINT = "\n\nhint: "


@dataclass
class Project:
    """The folder."""

    root: Path

    def ask(self, expression: str, folder: Path | None, environment: dict[str, str]):
        """Print an expression of lab_home in `folder`; return the completed process."""
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        clean |= {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-c", f"import lab_home; print(lab_home.{expression})"],
            cwd=folder or self.root,
            env=clean | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def value(self, expression: str, folder: Path | None = None, **environment: str) -> str:
        """What an expression of lab_home is."""
        done = self.ask(expression, folder, environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")

    def error(self, **environment: str) -> str:
        """The error of a start that must fail."""
        done = self.ask("REDIS_URL", None, environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: ") and HINT in done.stderr
        return done.stderr

    def write_env(self, text: str) -> None:
        """Write its .env."""
        (self.root / ".env").write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder of a lab, with a space in its name."""
    root = tmp_path / "my lab"
    root.mkdir()
    for file in (lab_home.__file__, lab_env.__file__):
        shutil.copy(file, root)
    return Project(root.resolve())
