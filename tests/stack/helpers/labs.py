"""Labs for the tests: `./lab` as a person runs it, in a LAB_HOME of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from labkit.broker.server import EmbeddedBroker, free_port
from labkit.processes.records import leftovers

ROOT = Path(__file__).parents[3]
LEAN = ("--no-beat", "--no-flower", "--no-web", "--no-mail", "--no-reload")  # workers alone
READY_S = 60
END_S = 60
SOON_S = 10  # usually 1 s; Celery by itself would try for 19 s, or for ever


def wait_until(
    condition: Callable[[], object], timeout_s: float = 20, what: str | Callable[[], str] = ""
) -> None:
    """Wait until condition() is true; AssertionError after timeout_s.

    what: what is waited for; a function, if it is to be seen as it is at the end.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            what = what() if callable(what) else what
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.05)


@contextmanager
def running(broker: EmbeddedBroker) -> Iterator[None]:
    """Start a broker, and stop it whatever happens."""
    broker.start()
    try:
        yield
    finally:
        broker.stop()


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """Programs that Ctrl-Z, or kill -STOP, has stopped."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        programs = [psutil.Process(pid) for pid in processes]
        wait_until(lambda: {one.status() for one in programs} == {psutil.STATUS_STOPPED})
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def lab_environment(home: Path, **changes: str) -> dict[str, str]:
    """An environment in which the lab sees nothing of the machine's own lab.

    Empty is not the same as missing: a missing setting would come from the learner's .env.
    """
    ours = {"LAB_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    names = ["REDIS_URL", "LAB_FILES", "SMTP_URL", "DATABASE_URL", "AMQP_URL", "PARTNERS_URL"]
    none = dict.fromkeys(names, "")
    return os.environ | none | ours | changes


class Lab:
    """A lab below `home`, run from the tree at `root`."""

    def __init__(self, home: Path, root: Path = ROOT, **environment: str) -> None:
        self.home = home
        self.root = root
        self.environment = lab_environment(home, **environment)
        self.process: subprocess.Popen | None = None
        self.output = home.parent / f"{home.name}-up.txt"
        self._seen: list[psutil.Process] = []

    def keep_ports(self) -> "Lab":
        """Give its pages ports that no other lab looks for, so that it keeps them in a restart."""
        self.environment |= {"FLOWER_PORT": str(free_port()), "WEB_PORT": str(free_port())}
        return self

    def run(self, *arguments: str, timeout_s: float = 90, **changes: str):
        """Run a verb to its end; return the completed process with its text."""
        return subprocess.run(
            [sys.executable, "-m", "labkit.cli", *arguments],
            cwd=self.root,
            env=self.environment | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def python(self, code: str):
        """Run a piece of Python as a person's own script would run beside this lab."""
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()

    def up(self, *options: str, wait: bool = True) -> "Lab":
        """Start the stack, and wait for READY."""
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "labkit.cli", "up", *options],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self.wait_for("READY after", READY_S)
            self._seen = self.descendants()
        return self

    @contextmanager
    def while_up(self, *options: str) -> Iterator["Lab"]:
        """Start the stack for a block, and clean up after it."""
        try:
            yield self.up(*options)
        finally:
            self.clean_up()

    def launcher(self) -> subprocess.Popen:
        """The process of `./lab up`."""
        assert self.process, "up() comes first"
        return self.process

    def printed(self) -> str:
        """What `./lab up` has printed so far."""
        return self.output.read_text(errors="replace")

    def wait_for(self, text: str, timeout_s: float = END_S) -> None:
        """Wait until `./lab up` has printed this text."""
        wait_until(
            lambda: text in self.printed() or self.launcher().poll() is not None,
            timeout_s,
            lambda: f"{text!r} in:\n{self.printed()}",
        )
        assert text in self.printed(), f"ended without {text!r}:\n{self.printed()}"

    def lesson(self, number: str, timeout_s: float, **changes: str) -> str:
        """Run a lesson that must keep its promise; return what it prints."""
        ran = self.run("run", number, "--strict", timeout_s=timeout_s, **changes)
        assert ran.returncode == 0, ran.stdout + ran.stderr + self.ends_of_logs()
        assert ran.stdout.endswith("as promised\n")
        return ran.stdout

    def ends_of_logs(self) -> str:
        """The last lines of each log of this lab."""
        logs = sorted((self.home / "logs").glob("*.log"))
        texts = [(log.name, log.read_text(errors="replace").splitlines()) for log in logs]
        return "\n".join("\n".join(["", f"== {name}", *lines[-20:]]) for name, lines in texts)

    def state(self) -> dict:
        """stack.json as it is now."""
        return json.loads((self.home / "stack.json").read_text())

    def broker_url(self) -> str:
        """The address of its own broker, with the password."""
        return json.loads((self.home / "broker").read_text())["url"]

    def pid_of(self, name: str) -> int:
        """The process id of lab1, beat or flower."""
        return next(one["pid"] for one in self.state()["children"] if one["name"] == name)

    def descendants(self) -> list[psutil.Process]:
        """Every process below the running `./lab up`."""
        return psutil.Process(self.launcher().pid).children(recursive=True)

    def signal(self, number: int) -> None:
        """Send `./lab up` a signal."""
        self.launcher().send_signal(number)

    def end(self) -> int:
        """Wait for the end of `./lab up`; its exit code, negative for a signal."""
        return self.launcher().wait(END_S)

    def left_over(self) -> list[str]:
        """Command lines of processes that were seen below this lab and still run."""
        return [
            " ".join(one.cmdline())
            for one in self._seen
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE
        ]

    def running_with(self, text: str) -> list[str]:
        """Command lines of this lab's running processes that hold this text."""
        lines = [
            " ".join(one.info["cmdline"] or [])
            for one in psutil.process_iter(["cmdline", "environ"])
            if (one.info["environ"] or {}).get("LAB_HOME") == str(self.home)
        ]
        return [line for line in lines if text in line]

    def clean_up(self) -> None:
        """End whatever a failed test left."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if leftovers(self.home):
            self.run("down")


def copy_of_the_tree(folder: Path) -> Path:
    """The tracked and the new files of this tree, as a git repository with one commit."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listing.split("\0")):
        source = ROOT / name
        if source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    identity += ["-c", "commit.gpgsign=false"]  # a learner may sign, and would be asked
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "copy"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder
