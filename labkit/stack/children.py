"""The processes of the stack beside the broker: how each one is started, and where it logs."""

import signal
from pathlib import Path

from labkit.processes.program import Program
from labkit.services.pages import PAGES

CAREFUL = "worker.consumer=labkit.broker.careful:CarefulConsumer"
KEPT_LOG = ".1"  # the log of the run before


class Child(Program):
    """One process of the stack.

    kind: "worker", "beat", "flower", "mail" or "web".
    name: what stands before its log lines: lab1, beat, flower, mail, web.
    code: the fingerprint of the code that it was started with.
    """

    code = ""

    def __init__(
        self,
        kind: str,
        name: str,
        command: list[str],
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name, command, log, environment)
        self.kind = kind

    def stop_warmly(self) -> None:
        """Ask it to finish what it does and to end; one that was stopped goes on for that."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)


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
    return Child("worker", name, command, fresh_log(home, name))


def beat(home: Path) -> Child:
    """Beat, with its pid file in `home`."""
    return Child("beat", "beat", ["./start_beat.sh"], fresh_log(home, "beat"))


def page(home: Path, kind: str, port: int) -> Child:
    """Flower or the web app, "flower" or "web", on a port of 127.0.0.1."""
    one = PAGES[kind]
    return Child(kind, kind, one.command(port), fresh_log(home, kind), one.environment)


def mail(home: Path) -> Child:
    """The mail server, on a free port of 127.0.0.1, which it writes down itself."""
    command = ["python", "-m", "labkit.services.mail_server"]
    return Child("mail", "mail", command, fresh_log(home, "mail"))
