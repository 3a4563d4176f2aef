"""Make .venv, install what a lock file lists, and then become the lab command."""

import errno
import os
import re
import signal
import sys
import sysconfig
import time
from pathlib import Path
from shlex import quote

from labkit.install.environment import (
    PYTHON,
    VENV,
    is_installed,
    kept_only_if_finished,
    put_root_on_path,
    remove_what_does_not_work,
    write_stamps,
)
from labkit.install.steps import (
    DISK_FULL,
    DISK_HINT,
    LOG,
    ROOT,
    STOP_SIGNALS,
    VERSION,
    InstallError,
    failure,
    only_one_at_a_time,
    run_quietly,
    run_step,
    say,
    working_uv,
)


def main(lock_name: str, *arguments: str) -> None:
    """Install what `lock_name` lists; then run `./lab ARGUMENTS` in this very process."""
    for signal_number in STOP_SIGNALS:
        if signal.getsignal(signal_number) != signal.SIG_IGN:
            signal.signal(signal_number, stop_on_signal)
    try:
        install(lock_name)
    except InstallError as error:
        sys.exit(str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(str(InstallError(f"{DISK_FULL}: {error}", DISK_HINT)))
        hint = f"cp -R {quote(str(ROOT))} ~/celery-learning-lab; ~/celery-learning-lab/lab"
        sys.exit(str(InstallError(f"the lab cannot write into its folder: {error}", hint)))
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "labkit", *arguments])  # noqa: S606


def stop_on_signal(signal_number: int, _frame: object) -> None:
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not end the clean-up
    say("\nstopped: the next ./lab starts the install again")
    raise SystemExit(128 + signal_number)


def install(lock_name: str) -> None:
    """Bring .venv to the state that the lock file names; raise InstallError or OSError."""
    check_platform()
    LOG.parent.parent.mkdir(mode=0o700, exist_ok=True)
    LOG.parent.mkdir(exist_ok=True)
    with only_one_at_a_time():
        if is_installed(lock_name):  # by the one that we waited for
            return
        start = time.monotonic()
        remove_what_does_not_work()
        uv = working_uv()
        with kept_only_if_finished():
            if not PYTHON.exists():
                make_environment(uv)
            install_packages(uv, lock_name)
            put_root_on_path()
            check_that_celery_starts()
        write_stamps(lock_name)
        say(f"installed in {time.monotonic() - start:.0f} s\n")


def check_platform() -> None:
    """Raise InstallError where there can be no embedded broker."""
    if sys.platform not in {"linux", "darwin"}:
        raise InstallError(
            f"the lab runs on Linux and macOS, and this Python says {sys.platform}; README.md says "
            "how it runs in WSL or Docker",
            "wsl --install",
        )
    if "musl" in (sysconfig.get_config_var("SOABI") or ""):
        raise InstallError(
            "this Linux uses the C library musl, and the embedded broker has no build for it; "
            "Debian, Ubuntu and Fedora have glibc, and so have the lab's containers",
            "docker compose --profile full up -d",
        )


def make_environment(uv: str | None) -> None:
    """Make .venv with the Python that runs this."""
    # By its full name: when the system replaces python3 by another version, .venv has no Python
    # any more, and ./lab notices.
    python = Path(sys.base_prefix) / "bin" / f"python{VERSION}"
    if not python.exists():
        python = Path(sys.executable)
    say(f"making .venv with Python {VERSION} ({python})")
    if uv:
        command = [uv, "venv", "--quiet", "--allow-existing", "--python", str(python), str(VENV)]
    elif run_quietly(python, "-c", "import ensurepip, venv").returncode == 0:
        command = [str(python), "-m", "venv", str(VENV)]
    else:
        raise InstallError(
            f"Python {VERSION} ({python}) cannot make environments: its part venv is missing; "
            "uv can do without it",
            f"sudo apt-get install python{VERSION}-venv; ./lab",
        )
    if not run_step(command, show=False):
        raise failure("the environment .venv could not be made")


def install_packages(uv: str | None, lock_name: str) -> None:
    """Install what the lock file lists into .venv, with uv or with pip."""
    # Ready-made packages only: a newcomer has no compiler, and a build takes minutes.
    what = ["--require-hashes", "--only-binary", ":all:", "-r", lock_name]
    if uv:
        tool, about = "uv", "5 s to 1 minute"
        command = [uv, "pip", "install", "--python", str(PYTHON), "--compile-bytecode", *what]
    else:
        tool, about = "pip", "30 s to 2 minutes"
        if run_quietly(PYTHON, "-m", "pip", "--version").returncode != 0:  # uv made this .venv
            run_step([str(PYTHON), "-m", "ensurepip"], show=False)
        command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--retries", "2", *what]
    count = len(re.findall(r"^\S+==\S+ \\$", (ROOT / lock_name).read_text(), re.MULTILINE))
    say(f"installing {count} packages with {tool}, this once: about {about}")
    if not run_step(command):
        raise failure("the packages could not be installed")


def check_that_celery_starts() -> None:
    """Raise InstallError unless the program `celery` of .venv starts."""
    if run_quietly(VENV / "bin" / "celery", "--version").returncode != 0:
        raise InstallError(
            "everything is installed in .venv, but its celery does not start; without .venv ./lab "
            "makes a new one",
            f"rm -r {quote(str(VENV))}; ./lab",
        )
