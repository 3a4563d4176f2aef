"""One step of the install: start a program, stop it, and say why it failed."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

ROOT = Path(__file__).parents[2]  # as ./lab names it: absolute, without symlinks
LOG = ROOT / ".lab" / "logs" / "install.log"
LOCK = ROOT / ".lab" / "installing"  # locked while a ./lab installs; holds its process id
LOCKS = ("requirements.lock", "requirements-dev.lock")  # the second one holds the first one too
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_TIMEOUT_S = 5  # pip and uv stop at once when they are asked
DISK_FULL = "the disk is full, and the lab needs 300 MB"
DISK_HINT = f"df -h {quote(str(ROOT))}"


class InstallError(Exception):
    """Something the learner can mend, as labkit.errors.LabError, which is not importable yet."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"error: {sentence}\n\nhint: {hint}")


def say(line: str) -> None:
    """Tell the learner what happens; standard output belongs to the command that follows."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Wait until no other ./lab installs here.

    The system frees the lock when its holder ends, however it ends.  The programs that the
    holder starts inherit it: what a killed ./lab left behind still writes into .venv.
    """
    import fcntl  # not on Windows

    with LOCK.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            pid = file.read().strip() or "unknown"
            say(f"another ./lab (process {pid}) is installing: waiting until it has ended")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        os.set_inheritable(file.fileno(), True)
        yield


def working_uv() -> str | None:
    """uv, if it is there and runs (a pyenv shim may be there and not run)."""
    uv = shutil.which("uv")
    return uv if uv and run_quietly(uv, "--version").returncode == 0 else None


def run_quietly(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a short command and keep what it prints; exit code 127 if it cannot be started."""
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def run_step(command: Sequence[str], *, show: bool = True) -> bool:
    """Run one step of the install; True if it succeeded.

    It writes to the terminal; where there is none, or without `show`, to LOG.  It gets a session
    of its own, so that Ctrl-C reaches us alone; we stop it, with all that it started.
    """
    process = None
    try:
        with LOG.open("w") as log, signals_held_back():
            output = sys.stderr if show and sys.stderr.isatty() else log
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                # A setting of a cloud editor must not send pip's packages elsewhere.
                env=os.environ | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                close_fds=False,  # the lock goes with it
            )
        return process.wait() == 0
    except BaseException:
        if process:
            stop(process)
        raise


def stop(process: subprocess.Popen) -> None:
    """End a program with its whole session.

    SIGINT comes first: pip then clears up its temporary folders and shows the cursor again.
    """
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)


@contextlib.contextmanager
def signals_held_back() -> Iterator[None]:
    """Let a stop signal act after the block: inside Popen it would leave a program behind."""
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for signal_number in came:
            signal.raise_signal(signal_number)


# What pip and uv write: the reason in a few words, and a hint.  The first match counts, because
# pip says "No matching distribution" also when the index did not answer.
REASONS = (
    ("No space left", DISK_FULL, DISK_HINT),
    ("Permission denied", ".venv cannot be written", f"ls -ld {quote(f'{ROOT}/.venv')}; id"),
    (
        "DO NOT MATCH THE HASHES|Hash mismatch",
        "a package is not the one that the lock file names, its hash differs; where git shows no "
        "change of that file, do not trust the package index",
        "git diff -- requirements.lock",
    ),
    (
        "Retrying|Failed to fetch|Request failed|ConnectionError|[Tt]imed? ?out",
        "the package index does not answer: check the network; HTTPS_PROXY names a proxy",
        "printenv HTTPS_PROXY; ./lab",
    ),
    (
        r"(?:No matching distribution found for|Because) (\S+==\S+)",
        f"no ready-made package for {sysconfig.get_platform()} with Python {VERSION}; there are "
        "some for Python 3.11 to 3.14 on 64-bit Linux (glibc 2.28 or later), macOS and Docker",
        "python3 --version; uname -sm",
    ),
)


def failure(sentence: str) -> InstallError:
    """Why a step failed, from the words of pip or uv."""
    words = LOG.read_text(errors="replace")
    if not words:  # they went to the terminal
        return InstallError(
            f"{sentence}; the reason stands above (for a connection: check the network, and "
            "HTTPS_PROXY, which names a proxy)",
            "./lab",
        )
    for pattern, reason, hint in REASONS:
        if found := re.search(pattern, words):
            package = f"{found[1]} has " if found.groups() else ""
            return InstallError(f"{sentence}: {package}{reason}", hint)
    return InstallError(sentence, f"tail {quote(str(LOG))}")
