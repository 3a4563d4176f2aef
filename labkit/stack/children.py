"""The processes of the stack beside the broker: how each one is started, and where it logs."""

import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from labkit.processes.identity import ProcessId
from labkit.processes.start import start_process
from labkit.services.pages import PAGES

CAREFUL = "worker.consumer=labkit.broker.careful:CarefulConsumer"
KEPT_LOG = ".1"  # the log of the run before


@dataclass
class Child:
    """One process of the stack.

    kind: "worker", "beat", "flower", "mail" or "web".
    name: what stands before its log lines: lab1, beat, flower, mail, web.
    code: the fingerprint of the code that it was started with.
    """

    kind: str
    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    code: str = ""
    process: subprocess.Popen = field(init=False)
    identity: ProcessId = field(init=False)
    _log_began: int = field(init=False, default=0)  # bytes that were in the log before its start

    def start(self) -> None:
        """Start it in a process group of its own: Ctrl-C reaches the supervisor alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()  # somebody may have removed it
        self._log_began = self.log.stat().st_size
        self.process = start_process(self.command, self.log, self.environment)
        self.identity = ProcessId.of(self.process.pid)

    @property
    def started(self) -> bool:
        """True once there is, or was, a process."""
        return hasattr(self, "identity")

    def running(self) -> bool:
        """True while the process runs."""
        return self.started and self.process.poll() is None

    def send(self, signal_number: int) -> None:
        """Send a signal: TERM asks for a warm stop, QUIT for a cold one."""
        if self.running():
            self.process.send_signal(signal_number)

    def logged(self) -> str:
        """What it has written to its log since it was started; "" if somebody has removed it."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_began)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def stop_warmly(self) -> None:
        """Ask it to finish what it does and to end; one that was stopped goes on for that."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)

    def clear_away(self) -> None:
        """Kill what is left of it and of its pool."""
        self.identity.kill_group()
        self.process.kill()  # after a step of the clock it has another start time
        self.process.wait()


def fresh_log(home: Path, name: str) -> Path:
    """The path of an empty log file; the one of the run before is kept beside it."""
    path = home / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(path.with_name(path.name + KEPT_LOG))
    path.touch()
    return path


def worker(home: Path, name: str) -> Child:
    """A worker for all queues, named NAME@host, which sets messages aside that end workers."""
    command = ["./start_worker.sh", "-n", f"{name}@%h", "--", CAREFUL]
    return Child("worker", name, command, fresh_log(home, name), {})


def beat(home: Path) -> Child:
    """Beat, with its pid file in `home`."""
    return Child("beat", "beat", ["./start_beat.sh"], fresh_log(home, "beat"), {})


def page(home: Path, kind: str, port: int) -> Child:
    """Flower or the web app, "flower" or "web", on a port of 127.0.0.1."""
    one = PAGES[kind]
    return Child(kind, kind, one.command(port), fresh_log(home, kind), one.environment)


def mail(home: Path) -> Child:
    """The mail server, on a free port of 127.0.0.1, which it writes down itself."""
    command = ["python", "-m", "labkit.services.mail_server"]
    return Child("mail", "mail", command, fresh_log(home, "mail"), {})
