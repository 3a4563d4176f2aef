"""Which of the lab's files the learner has changed, as git sees it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lab_home import ROOT
from labkit.errors import LabError, in_shell

# What `./lab restore` brings back.  The playgrounds are the learner's own.
RESTORED = ["celery_app.py", "tasks", "work", "web", "examples"]
LEARNERS_OWN = ["tasks/playground.py", "examples/playground.py"]
PATHS = [*RESTORED, *(f":(exclude){path}" for path in LEARNERS_OWN)]
# --diff-filter=a: what the last commit does not hold cannot be brought back from it.
DIFF = ["diff", "--no-renames", "--no-ext-diff", "--diff-filter=a"]


def git(*arguments: str, root: Path = ROOT) -> bytes:
    """Run git in the lab's folder and return what it prints; LabError where it fails.

    It runs without the settings that a git hook hands down, and takes no lock that could disturb
    a git command of the learner's.
    """
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            env=environment | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except OSError:
        hint = "xcode-select --install" if sys.platform == "darwin" else "sudo apt-get install git"
        raise LabError("git is not installed", hint) from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[0].removeprefix("fatal: ") if lines else f"exit code {error.returncode}"
        raise LabError(f"git says: {reason}", f"git -C {in_shell(root)} status") from None
    return done.stdout


def changed_files(root: Path = ROOT, named: Sequence[str] = ()) -> list[str] | None:
    """The files that differ from the last commit, in the working tree or staged, sorted.

    named: only these, as ./lab restore names them; a playground is among them only if named.
    New files are not among them.  None where the lab's folder is not under git: then nobody can
    say what was changed.
    """
    paths = [f":(literal){name}" for name in named] or PATHS
    try:
        git("cat-file", "-e", "HEAD:./celery_app.py", root=root)
        names = b"".join(
            git(*DIFF, "--relative", "--name-only", "-z", *staged, "HEAD", "--", *paths, root=root)
            for staged in ([], ["--cached"])
        )
    except LabError:
        return None
    return sorted({os.fsdecode(name) for name in names.split(b"\0") if name})


def changed_code(script: Path, root: Path = ROOT) -> list[str] | None:
    """Those of the changed files that can change what a lesson prints: no texts, no other lesson.

    script: the lesson's file.  None where the lab's folder is not under git.
    """
    files = changed_files(root)
    if files is None:
        return None
    own = PurePosixPath(script.relative_to(root) if script.is_relative_to(root) else script.name)
    return [file for file in files if _matters(PurePosixPath(file), own)]


def _matters(file: PurePosixPath, own: PurePosixPath) -> bool:
    """True if a lesson's output can depend on a file.

    file, own: a changed file and the lesson's, below the lab's folder.
    """
    if file.suffix != ".py" or file == own:
        return file == own
    if file.parts[0] != "examples":
        return True
    # A script without a number that stands beside the lesson is a part of it.
    return len(own.parts) > 2 and file.parent == own.parent and not file.name[:2].isdigit()
