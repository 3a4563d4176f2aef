"""The code that the workers run: its fingerprint, and whether it can be imported at all."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from lab_home import ROOT
from labkit.errors import last_error
from labkit.processes.start import child_environment
from labkit.stack.changes import RESTORED

APP_FILES = ("celery_app.py", "lab_env.py", "lab_guard.py", "lab_home.py")
FOLDERS = ("tasks", "work")
IMPORT_TIMEOUT_S = 60  # it takes 1 s; the rest is for a busy machine
MEND_HINT = "./lab restore"  # it asks first; where the code cannot be imported
TOO_SLOW = "the import takes too long"  # it says nothing about the code: the machine may be busy
WEB_FOLDER = "web"
CANNOT_IMPORT = "the code cannot be imported: "  # how a reason begins to give a part up
_IMPORT_TASKS = "import celery_app; celery_app.app.loader.import_default_modules()"
_IMPORT_WEB = "import web.api"


def given_up_hint(why: str, *, reload: bool) -> str:
    """What to type for a part that is not started again.

    why: the reason in stack.json.  reload: code that is mended starts the part by itself.
    """
    _, of_the_code, error = why.partition(CANNOT_IMPORT)
    if not of_the_code:
        return "./lab restart"
    return mend_hint(error) if reload else f"{mend_hint(error)}; ./lab restart"


def mend_hint(why: str) -> str:
    """What to type where the code cannot be imported: show the line, and offer the file as it was.

    why: what last_error() made of it.

    >>> mend_hint("tasks/basic_tasks.py line 3: SyntaxError: invalid syntax")
    'sed -n 3p tasks/basic_tasks.py; ./lab restore tasks/basic_tasks.py'
    >>> mend_hint("ModuleNotFoundError: No module named 'flaskk'")
    './lab restore'
    """
    place = re.match(r"(?!/)(.+?\.py) line (\d+): ", why)
    if not place:
        return MEND_HINT
    file, line = quote(place[1]), place[2]
    restorable = place[1].partition("/")[0] in RESTORED
    then = f"./lab restore {file}" if restorable else f"git diff {file}"
    return f"sed -n {line}p {file}; {then}"


def code_files(folders: Sequence[str] = FOLDERS) -> list[Path]:
    """Every Python file that a worker runs, in order."""
    files = [ROOT / name for name in APP_FILES]
    for folder in folders:
        # Unlike rglob, walk does not mind a folder that is removed at this moment.
        for place, _folders, names in os.walk(ROOT / folder):
            files += [Path(place, name) for name in names if name.endswith(".py")]
    return sorted(file for file in files if file.is_file())


def fingerprint(files: list[Path] | None = None) -> str:
    """A short text that changes whenever the contents of the code change."""
    digest = hashlib.sha256()
    for file in code_files() if files is None else files:
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0")
        try:
            digest.update(file.read_bytes() + b"\0")
        except OSError:  # an editor replaces the file at this moment; the next look sees it
            digest.update(b"gone\0")
    return digest.hexdigest()[:16]


def fingerprints() -> dict[str, str]:
    """The fingerprint of what each kind of child runs.

    Workers run tasks and work; the web app runs its own files, and sends the tasks; Beat and
    Flower run celery_app.py alone; and the mail server nothing that a learner changes.
    """
    app = fingerprint(code_files([]))
    web = fingerprint(code_files([*FOLDERS, WEB_FOLDER]))
    return {"worker": fingerprint(), "web": web, "beat": app, "flower": app, "mail": ""}


def import_error(
    timeout_s: float = IMPORT_TIMEOUT_S, *, web: bool = False, modules: Sequence[str] = ()
) -> str | None:
    """Import the code in a child process; None if that works, else one line that says why not.

    web: import the web app, and not the tasks.  modules: these alone.
    """
    what = f"import {', '.join(modules)}" if modules else _IMPORT_WEB if web else _IMPORT_TASKS
    try:
        result = subprocess.run(
            [sys.executable, "-c", what],
            cwd=ROOT,
            env=child_environment(PYTHONDONTWRITEBYTECODE="1"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{TOO_SLOW}: more than {timeout_s:.1f} s"
    return None if result.returncode == 0 else last_error(result.stderr)
