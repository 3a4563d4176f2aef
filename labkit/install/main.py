"""Make .venv, install what a lock file lists, and then become the lab command."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from labkit.processes.signals import clean_up_on_signals, signals_held_back

ROOT = Path(__file__).parents[2]  # as ./lab names it: absolute, without symlinks
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = ("requirements.lock", "requirements-dev.lock")  # the second one holds the first one too
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
STOP_S = 5  # pip and uv stop at once when they are asked
NEEDED_MB = 300  # of the disk: .venv, and what pip unpacks on the way

say = partial(print, file=sys.stderr, flush=True)  # standard output is for what follows


class InstallError(Exception):
    """Something the learner can mend, as labkit.errors.LabError, which is not importable yet."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"error: {sentence}\n\nhint: {hint}")


def main(lock_name: str, *arguments: str) -> None:
    """Install what `lock_name` lists; then run `./lab ARGUMENTS` in this very process."""
    clean_up_on_signals()
    try:
        check_machine()
        with only_one_at_a_time():
            bring_up_to_date(lock_name)
    except InstallError as error:
        sys.exit(str(error))
    except OSError as error:
        hint = f"cp -R {quote(str(ROOT))} ~/celery-learning-lab; ~/celery-learning-lab/lab"
        sys.exit(str(InstallError(f"the lab cannot write into its folder: {error}", hint)))
    except (KeyboardInterrupt, SystemExit) as stop:
        say("\nstopped: the next ./lab starts the install again")
        sys.exit(stop.code if isinstance(stop, SystemExit) else 128 + signal.SIGINT)
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "labkit", *arguments])  # noqa: S606


def check_machine() -> None:
    """Raise InstallError where there can be no embedded broker, or where .venv has no room."""
    built_for = sysconfig.get_config_var("SOABI") or sys.platform
    if sys.platform not in {"linux", "darwin"} or "musl" in built_for:
        raise InstallError(
            "the lab's broker runs on macOS and on Linux with glibc, and this Python is built for "
            f"{built_for}; README.md says how the lab runs in WSL or Docker",
            "wsl --install" if sys.platform == "win32" else "docker compose --profile full up -d",
        )
    free_mb = shutil.disk_usage(ROOT).free // 10**6
    if free_mb < NEEDED_MB and not VENV.exists():
        sentence = f"the disk is full: {free_mb} MB are free, and the lab needs {NEEDED_MB} MB"
        raise InstallError(sentence, f"df -h {quote(str(ROOT))}")


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Wait until no other ./lab installs here.  The system frees the lock when its holder ends."""
    import fcntl  # not on Windows

    (ROOT / ".lab").mkdir(mode=0o700, exist_ok=True)
    with (ROOT / ".lab" / "installing").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./lab is installing: waiting until it has ended")
            fcntl.flock(file, fcntl.LOCK_EX)
        # Our programs hold it too: what a killed ./lab left behind still writes into .venv.
        os.set_inheritable(file.fileno(), True)
        yield


def bring_up_to_date(lock_name: str) -> None:
    """Bring .venv to the state that the lock file names, or leave no half of it."""
    if VENV.exists() and (reason := why_again()):
        say(f"{reason}: making .venv again")
        remove_environment()
    done = stamp(lock_name)
    if done.exists() and done.read_bytes() == stamp_content(lock_name):
        return  # by the one that we waited for
    is_new = not VENV.exists()
    before = {one: one.read_bytes() for one in map(stamp, LOCKS) if one.exists()}
    if is_new or stamp(LOCKS[0]).exists():  # one that the learner made is never half ours
        done.parent.mkdir(parents=True, exist_ok=True)
        for name in LOCKS:
            stamp(name).write_bytes(b"")
    try:
        install(lock_name)
    except BaseException as error:
        if is_new:
            remove_environment()
        elif isinstance(error, InstallError):  # pip has downloaded all before it changes anything
            for name in LOCKS:
                stamp(name).unlink(missing_ok=True)
            for one, content in before.items():
                one.write_bytes(content)
        raise
    for name in LOCKS[: LOCKS.index(lock_name) + 1]:
        stamp(name).write_bytes(stamp_content(name))


def stamp(lock_name: str) -> Path:
    """The file that says for what .venv was made; empty while it is made or changed."""
    return VENV / "lib" / f"{lock_name}.stamp"


def stamp_content(lock_name: str) -> bytes:
    """What ./lab compares: for which folder, and from which lock file, .venv was made."""
    return os.fsencode(ROOT) + b"\n" + (ROOT / lock_name).read_bytes()


def why_again() -> str | None:
    """Why .venv must be made again; None if it can be used.

    `uv sync` or `python -m venv` may have made it; then it has no stamp.
    """
    version = answer(PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    if not version or not (VENV / "lib").exists():
        return "the Python of .venv is gone, or its packages"
    too_old = tuple(map(int, version.split("."))) < (3, 11)
    if too_old or (os.environ.get("LAB_PYTHON") and version != VERSION):
        return f".venv has Python {version}"
    if stamp(LOCKS[0]).exists():
        folder = stamp(LOCKS[0]).read_bytes().partition(b"\n")[0]
        if not folder:
            return "the last install was interrupted"
        if folder != os.fsencode(ROOT):
            return "this folder was moved or copied"
    return None


def remove_environment() -> None:
    """Remove .venv, its Python first: without it, what is left is made again."""
    with signals_held_back():  # a second Ctrl-C must not end the clean-up
        PYTHON.unlink(missing_ok=True)
        shutil.rmtree(VENV, ignore_errors=True)  # a killed program may still write there


def install(lock_name: str) -> None:
    """Make .venv if it is not there, and install what the lock file lists, with uv or with pip."""
    uv = answer("uv", "--version") is not None  # a pyenv shim may be there and not run
    no_venv = f"Python {VERSION} could not make .venv, and the reason stands above"
    get_venv = f"sudo apt-get install python{VERSION}-venv; ./lab"  # Debian has it apart
    if not PYTHON.exists():
        # By its full name: when the system replaces python3 by another version, .venv has no
        # Python any more, and ./lab notices.
        python = shutil.which(f"{sys.base_prefix}/bin/python{VERSION}") or sys.executable
        say(f"making .venv with Python {VERSION} ({python})")
        run([python, "-m", "venv", "--without-pip", str(VENV)], no_venv, get_venv)
    if not uv and answer(PYTHON, "-m", "pip", "--version") is None:
        run([str(PYTHON), "-m", "ensurepip"], no_venv, get_venv)
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--retries", "2"]
    if uv:
        pip = ["uv", "pip", "install", "--python", str(PYTHON), "--compile-bytecode"]
    if not sys.stderr.isatty():
        pip.append("--quiet")  # but for errors
    say(f"installing with {'uv' if uv else 'pip'}, this once: 5 seconds to 2 minutes")
    # Ready-made packages only: a newcomer has no compiler, and a build takes minutes.
    run(
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock_name],
        "the packages could not be installed, and the reason stands above; check the network "
        "(HTTPS_PROXY names a proxy); there are packages for Python 3.11 to 3.14 on macOS and on "
        "64-bit Linux with glibc 2.28 or later",
        "printenv HTTPS_PROXY; ./lab",
    )
    # Every script of .venv can import celery_app, from any folder, and writes no __pycache__
    # there.  In some locales Python cannot read such a file if there is a letter beyond ASCII.
    line = f"import sys; sys.path.append({str(ROOT)!a}); sys.dont_write_bytecode = True\n"
    for folder in VENV.glob("lib/python3.*/site-packages"):
        (folder / "celery_learning_lab.pth").write_text(line)
    if answer(VENV / "bin" / "celery", "--version") is None:
        sentence = (
            "all is installed, but its celery does not start; without .venv ./lab makes it anew"
        )
        raise InstallError(sentence, f"rm -r {quote(str(VENV))}; ./lab")


def answer(*command: str | Path) -> str | None:
    """What a short command prints; None if it fails, or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def run(command: list[str], sentence: str, hint: str) -> None:
    """Run one step of the install, which writes to the terminal; raise InstallError if it fails.

    When we are stopped, it is, with all that it has started; pip clears up after SIGINT.
    """
    # A setting of a cloud editor must not send pip's packages elsewhere.
    env = os.environ | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with contextlib.ExitStack() as undo:
        with signals_held_back():
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                close_fds=False,  # the lock goes with it
                process_group=0,  # Ctrl-C comes to us alone, once
            )
            undo.callback(end_group, process)
        if process.wait():
            raise InstallError(sentence, hint)


def end_group(process: subprocess.Popen) -> None:
    """End a program that may still run, and what it has started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) if process.poll() is None else ():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
