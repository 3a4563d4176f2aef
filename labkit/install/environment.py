"""The folder .venv: for what it was made, whether it still works, and no half of it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from labkit.install.steps import LOCKS, ROOT, InstallError, run_quietly, say

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "lab-unfinished"  # there while an environment of ours is made or changed
AWAY = ROOT / ".lab" / "old-venv"  # where an environment is removed


def stamp_content(lock_name: str) -> bytes:
    """What ./lab compares: for which folder, and from which lock file, .venv was made."""
    return os.fsencode(ROOT) + b"\n" + (ROOT / lock_name).read_bytes()


def is_installed(lock_name: str) -> bool:
    """True if .venv holds what the lock file lists, as ./lab sees it."""
    stamp = VENV / f"{lock_name}.stamp"
    return (
        PYTHON.exists()
        and not UNFINISHED.exists()
        and stamp.exists()
        and stamp.read_bytes() == stamp_content(lock_name)
    )


def write_stamps(lock_name: str) -> None:
    """Write the stamp of each lock file that .venv now holds: the last step of an install."""
    for name in LOCKS[: LOCKS.index(lock_name) + 1]:
        (VENV / f"{name}.stamp").write_bytes(stamp_content(name))


def put_root_on_path() -> None:
    """Let every script of this environment import celery_app, from any folder.

    And let none write __pycache__ folders into the lab's own, however it was started.
    """
    where = run_quietly(PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    root = str(ROOT)
    # In some locales Python cannot read such a file, nor start, if there is a letter beyond ASCII.
    line = root if root.isascii() else f"import sys; sys.path.append({root!a})"
    tidy = "import sys; sys.dont_write_bytecode = True"
    Path(where.stdout.strip(), "celery_learning_lab.pth").write_text(f"{line}\n{tidy}\n")


def remove_what_does_not_work() -> None:
    """Remove .venv if it cannot be brought up to date; one that works is used as it is.

    `uv sync` or `python -m venv` may have made it; then it has no stamp.
    """
    if not os.path.lexists(VENV):
        return
    version = run_quietly(PYTHON, "-c", "import sys; print(*sys.version_info[:2])").stdout.split()
    folders = {stamp.read_bytes().partition(b"\n")[0] for stamp in VENV.glob("*.lock.stamp")}
    if UNFINISHED.exists():
        reason = "the last install was interrupted"
    elif not version:
        reason = "the Python of .venv is gone"
    elif folders - {os.fsencode(ROOT)}:
        reason = "this folder was moved or copied"
    elif tuple(map(int, version)) < (3, 11):
        raise InstallError(
            f".venv has Python {'.'.join(version)}, and the lab needs 3.11 or later; without .venv "
            "./lab makes a new one",
            f"rm -r {quote(str(VENV))}; ./lab",
        )
    else:
        return
    say(f"{reason}: making .venv again")
    remove_environment()


def remove_environment() -> None:
    """Move .venv away, then delete it, so that an interruption leaves no half of it."""
    if AWAY.is_dir() and not AWAY.is_symlink():
        shutil.rmtree(AWAY)
    VENV.rename(AWAY)
    if AWAY.is_dir() and not AWAY.is_symlink():
        shutil.rmtree(AWAY)
    else:
        AWAY.unlink()


@contextlib.contextmanager
def kept_only_if_finished() -> Iterator[None]:
    """Leave no half-made .venv behind.

    A new environment is removed if anything goes wrong.  One that was there stays if pip or uv
    reports an error (they change nothing before everything is downloaded); after an
    interruption the next ./lab makes it again.
    """
    is_new = not VENV.exists()
    if is_new:
        VENV.mkdir()
    if is_new or any(VENV.glob("*.lock.stamp")):
        UNFINISHED.touch()
    try:
        yield
    except BaseException as error:
        if is_new:
            remove_environment()
        elif isinstance(error, InstallError):
            UNFINISHED.unlink(missing_ok=True)
        raise
    UNFINISHED.unlink(missing_ok=True)
