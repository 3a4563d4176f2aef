"""`docker-compose` on a copy of the project, as a person types it, and what the engine says."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from labkit.broker.server import free_port
from tests.stack.helpers.labs import wait_until

IMAGE = "celery-learning-lab"
COMMAND_TIMEOUT_S = 300  # the first `up` builds the image
ANSWER_TIMEOUT_S = 60


def usual_or_free(port: int) -> str:
    """This port of 127.0.0.1, or another one where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return str(free_port())
    return str(port)


def run(*command: str, cwd: Path | None = None, check: bool = True, **environment: str):
    """Run a command to its end; AssertionError with its output if it fails."""
    finished = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    failed = check and finished.returncode != 0
    assert not failed, f"{' '.join(command)}:\n{finished.stdout}{finished.stderr}"
    return finished


class Compose:
    """A Compose project in `root`; `settings` is its .env file, "" for none."""

    def __init__(self, root: Path, settings: str) -> None:
        self.root = root
        self.settings = settings
        self.project = f"lab-test-{os.getpid()}"
        program = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        self.command = [*program, "--project-name", self.project]
        self.full = ["--profile", "full"]
        usual = {"REDIS_PORT": 6379, "FLOWER_PORT": 5555, "WEB_PORT": 8000}
        self.ports = {name: usual_or_free(port) for name, port in usual.items()}
        if settings:
            (root / ".env").write_text(settings)

    def __call__(self, *arguments: str, check: bool = True):
        """Run `docker-compose ARGUMENTS`."""
        return run(*self.command, *arguments, cwd=self.root, check=check, **self.ports)

    def lab(self, *command: str, check: bool = True):
        """Run a command in the `lab` service, as a learner does."""
        return self("run", "--rm", "-T", "lab", *command, check=check)

    def container(self, service: str) -> "Container":
        """The one container of this service."""
        return Container(self(*self.full, "ps", "--quiet", service).stdout.strip())

    def running(self) -> set[str]:
        """The services that have a container that runs."""
        wanted = f"label=com.docker.compose.project={self.project}"
        name = '{{.Label "com.docker.compose.service"}}'
        return set(run("docker", "ps", "--filter", wanted, "--format", name).stdout.split())

    def nodes(self) -> list[str]:
        """Who answers a ping, by its name before the @, sorted: ["basic", "celerybeat", ...]."""
        ping = ["celery", "-A", "celery_app", "inspect", "ping", "--json"]
        replies = self(*self.full, "exec", "-T", "worker_basic", *ping, check=False)
        if replies.returncode != 0:
            return []
        return sorted(name.partition("@")[0] for name in json.loads(replies.stdout))

    def wait_for_nodes(self, *names: str) -> None:
        """Wait until exactly these answer."""
        wait_until(lambda: self.nodes() == sorted(names), ANSWER_TIMEOUT_S, f"{names} answer")

    def down(self) -> None:
        """Stop and remove everything, the data too."""
        self(*self.full, "down", "--volumes", "--remove-orphans")

    def left_over(self) -> dict[str, str]:
        """What the engine still has of this project."""
        wanted = f"label=com.docker.compose.project={self.project}"
        return {
            "containers": run("docker", "ps", "-aq", "--filter", wanted).stdout,
            "volumes": run("docker", "volume", "ls", "-q", "--filter", wanted).stdout,
            "networks": run("docker", "network", "ls", "-q", "--filter", wanted).stdout,
        }


class Container:
    """One container, by its id."""

    def __init__(self, identity: str) -> None:
        assert identity, "there is no such container"
        self.identity = identity

    def facts(self) -> dict[str, Any]:
        """Everything that `docker inspect` says."""
        return json.loads(run("docker", "inspect", self.identity).stdout)[0]

    def exec(self, *command: str, check: bool = True):
        """Run a command inside."""
        return run("docker", "exec", self.identity, *command, check=check)

    def is_healthy(self) -> bool:
        """What the engine's last health check found."""
        return self.facts()["State"]["Health"]["Status"] == "healthy"

    def passes_its_health_check(self) -> bool:
        """Run the health check now, as the engine does, with its patience."""
        check = self.facts()["Config"]["Healthcheck"]
        kind, command = check["Test"]
        assert kind == "CMD-SHELL"
        patience_s = f"{check['Timeout'] / 1e9:.0f}"
        return self.exec("timeout", patience_s, "sh", "-c", command, check=False).returncode == 0

    def user_of_its_process(self) -> int:
        """The user id of process 1."""
        status = self.exec("cat", "/proc/1/status").stdout
        return int(status.partition("\nUid:")[2].split()[0])

    def signal(self, name: str) -> None:
        """Send its process 1 a signal behind the engine's back.

        After `docker kill`, whatever the signal, the engine does not restart a container.
        """
        kill = f"kill -{name} {self.facts()['State']['Pid']}"
        run("docker", "run", "--rm", "--pid=host", "--user=root", IMAGE, "sh", "-c", kill)

    def crash(self) -> None:
        """Kill it, and wait until the engine has started it again."""
        before = self.facts()["RestartCount"]
        self.signal("KILL")
        wait_until(lambda: self.facts()["RestartCount"] > before, what="the engine restarts it")


def wait_for_line(path: Path, text: str, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
    """Wait until a log file holds this text."""
    deadline = time.monotonic() + timeout_s
    while text not in path.read_text(errors="replace"):
        assert time.monotonic() < deadline, path.read_text(errors="replace")
        time.sleep(0.1)
