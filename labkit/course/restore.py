"""`./lab restore`: bring changed lesson and task files back; the changes are kept as a patch."""

import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from shlex import quote

import click

from lab_home import LAB_HOME, ROOT
from labkit.errors import LabError
from labkit.stack.changes import DIFF, RESTORED, changed_files, git
from labkit.words import several

# Whatever the learner's git is set to, the patch is one that `git apply` takes.  It wants paths
# from the top of the repository, also where the lab is only a part of that.
PATCH = [*DIFF, "--no-relative", "--binary", "--no-color", "--no-textconv"]
PATCH += ["--src-prefix=a/", "--dst-prefix=b/"]


def restore(
    names: Sequence[str] = (), *, yes: bool, root: Path = ROOT, home: Path = LAB_HOME
) -> None:
    """List the changed files, ask, keep the changes under `home`, and bring the files back.

    names: only these; without them all but the playground.
    Raises LabError without git, and where nobody can be asked; with exit code 2 for a file that is
    none of those that a learner changes.
    """
    files = changed_files(root, [_checked(name, root) for name in names])
    if files is None:
        raise LabError(
            "this copy of the lab is not under git, so there is nothing to restore from; a "
            "new copy of the lab in another folder has all files as they were",
            "git status",
        )
    if unknown := [name for name in names if not files and not (root / name).exists()]:
        raise LabError(f"there is no file {unknown[0]!r}", "./lab restore", exit_code=2)
    if not files:
        click.echo(
            f"nothing to restore: {' and '.join(names)} is as it was committed"
            if names
            else "nothing to restore (the playground is yours: ./lab restore tasks/playground.py)"
        )
        return
    click.echo("changed files:")
    for file in files:
        click.echo(f"  {file}")
    if not yes and not _agreed(names):
        click.echo("nothing was restored")
        return
    patches = _keep(files, root, home)
    git("checkout", "HEAD", "--", *files, root=root)
    click.echo(f"restored {several(len(files), 'file')}")
    for patch in patches:
        shown = patch.relative_to(root) if patch.is_relative_to(root) else patch
        click.echo(f"your version is kept, and comes back with: git apply {quote(str(shown))}")


def _checked(name: str, root: Path) -> str:
    """A file of tasks/, work/, web/, examples/ or celery_app.py, below the lab's folder."""
    path = (root / name).parent.resolve() / Path(name).name  # the file itself may be a link
    inside = path.is_relative_to(root) and path.relative_to(root).parts[:1]
    if not inside or inside[0] not in RESTORED:
        raise LabError(
            f"restore brings back files of {', '.join(RESTORED)}, got {name!r}",
            "./lab restore",
            exit_code=2,
        )
    return path.relative_to(root).as_posix()


def _agreed(names: Sequence[str]) -> bool:
    """Ask; LabError where nobody sits at a terminal."""
    if not sys.stdin.isatty():
        which = f" {shlex.join(names)}" if names else ""
        hint = f"./lab restore --yes{which}"
        raise LabError("restore asks first, and nobody can answer here", hint)
    return click.confirm("bring them back as they were committed?")


def _keep(files: list[str], root: Path, home: Path) -> list[Path]:
    """Write the changes of these files as patches, and return those.

    One patch holds the working tree.  What is staged gets one of its own where it is something
    else again, so that nothing is lost.
    """
    changes = {"": git(*PATCH, "HEAD", "--", *files, root=root)}
    staged = git(*PATCH, "--cached", "HEAD", "--", *files, root=root)
    if staged != changes[""]:
        changes["-staged"] = staged
    folder = home / "restored"
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d-%H%M%S-%f")
    kept = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, patch in changes.items():
            if patch:
                path = folder / f"{stamp}{kind}.patch"
                path.write_bytes(patch)
                kept.append(path)
    except OSError as error:
        raise LabError(
            f"the changes cannot be kept, so nothing was restored: {error}",
            "LAB_HOME=~/celery-lab ./lab restore",
        ) from None
    return kept
