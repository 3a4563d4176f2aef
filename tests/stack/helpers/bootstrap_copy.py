"""The lab's installer in a folder of its own, with stand-ins for uv and Python: no network."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab_home import ROOT
from labkit.processes.identity import ProcessId
from tests.helpers.stand_ins import program

# A uv that puts a `celery` into .venv and notes how it was called.  It fails with the words in
# $UV_SAYS, and waits at the fifo $UV_WAITS_AT.
UV = """\
#!/bin/sh
[ "$1" = --version ] || echo "$*" >>"$CALLS"
case "$1 $2" in
    "pip install")
        if [ -n "$UV_WAITS_AT" ]; then echo $$ >"$UV_WAITS_AT.pid"; read -r _ <"$UV_WAITS_AT"; fi
        if [ -n "$UV_SAYS" ]; then echo "$UV_SAYS" >&2; exit 2; fi
        printf '#!/bin/sh\\nexit %s\\n' "${CELERY_ENDS:-0}" >.venv/bin/celery
        chmod +x .venv/bin/celery ;;
    "python find") echo "$REAL_PYTHON" ;;
esac
"""
# The lab command of the copy: says how it was started.
CLI = "import os, sys; print(sys.argv[1:], os.getpid(), os.getcwd(), sys.dont_write_bytecode)"
# -S: without site-packages, as nothing is installed where this is needed.
NEW_PYTHON = '#!/bin/sh\necho "$0" >>"$CALLS"\nexec "$REAL_PYTHON" -S "$@"\n'
OLD_PYTHON = "#!/bin/sh\necho 3.9\n"
NO_PROGRAM = "#!/bin/sh\necho 'pyenv: command not found' >&2; exit 127\n"


class Copy:
    """The bootstrap files in a folder with an awkward name, and a PATH with nothing else."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.resolve() / "моя lab"
        self.tools = folder.resolve() / "tools"
        self.calls_file = folder / "calls"
        for name in ("lab", "labkit/processes/signals.py", "labkit/install/main.py"):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "labkit/__main__.py").write_text(CLI)
        (self.root / "requirements.lock").write_text("celery==5.7.0\n")
        (self.root / "requirements-dev.lock").write_text("celery==5.7.0\npytest==9.0.0\n")
        self.venv = self.root / ".venv"
        self.tools.mkdir()
        program(self.tools / "uv", UV)
        program(self.tools / "python3", NEW_PYTHON)
        for name in ("cat", "chmod", "readlink"):
            (self.tools / name).symlink_to(shutil.which(name) or name)

    def start(self, *arguments: str, lab: Path | None = None, **environment: str):
        """Start ./lab from another folder; its output comes through pipes."""
        clean = {"PATH": str(self.tools), "CALLS": str(self.calls_file)}
        return subprocess.Popen(
            [lab or self.root / "lab", *arguments],
            cwd=self.tools,
            env=clean | {"REAL_PYTHON": sys.executable} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, **options) -> str:
        """Run ./lab to its end, check its exit code, return both outputs."""
        process = self.start(*arguments, **options)
        output, errors = process.communicate(timeout=60)
        assert process.returncode == code, errors
        return output + errors

    def calls(self) -> str:
        """How the stand-ins were called since the last question."""
        lines = self.calls_file.read_text() if self.calls_file.exists() else ""
        self.calls_file.unlink(missing_ok=True)
        return lines

    def make_venv(self) -> None:
        """As the learner makes it, with something of theirs in it."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.venv], check=True)
        (self.venv / "mine").touch()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def installed(copy: Copy) -> Copy:
    """A copy that has been installed; its calls are forgotten."""
    copy.run()
    copy.calls()
    return copy


@pytest.fixture
def waiting(copy: Copy):
    """An install that waits in the middle until `go_on` is written, with its uv."""
    fifo = copy.tools / "fifo"
    os.mkfifo(fifo)
    os.mkfifo(f"{fifo}.pid")
    process = copy.start("up", UV_WAITS_AT=str(fifo))
    uv = ProcessId.of(int(Path(f"{fifo}.pid").read_text()))  # blocks until uv is there
    yield process, uv, fifo
    process.kill()
    uv.send(signal.SIGKILL)
    process.communicate()
