"""Somebody who types docs/take-it-home.md; ports, password and folder on it are theirs."""

import json
import re
import secrets
import socket
from pathlib import Path

import redis

from labkit.broker.server import free_port
from tests.helpers.required import require
from tests.stack.helpers.fresh_copy import NO_INDEX
from tests.stack.helpers.labs import ROOT, wait_until
from tests.stack.helpers.typed_page import Block, Terminal

PORTS = ("6380", "8010", "8011", "8025")
VERIFY = "systemd-analyze"  # typed by a test of its own: a laptop may have no systemd
ANSWER_S = 30
READY = {  # what a command that goes on prints when it is ready
    "celery -A mysite": " ready.",
    "celery -A celery_app": " ready.",
    "redis-server": "Ready to accept connections",
    "uvicorn": "Uvicorn running on",
    "flask": "Running on",
    "aiosmtpd": "",  # nothing; it listens then
}


class Reader:
    """A folder, the terminals in it, and what was said by the last block that was typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.ports = {each: str(free_port()) for each in PORTS}
        self.password = secrets.token_hex(12)
        self.yours = self.ports | {
            "a-long-word": self.password,
            "/srv/shop": str(folder),
            "/path/to/the/lab": str(ROOT),
        }
        self.begin: list[str] = []
        self.going_on: dict[str, Terminal] = {}
        self.first = Terminal(folder, "first terminal")
        self.said = ""

    def redis(self) -> redis.Redis:
        """A client of the reader's Redis."""
        return redis.Redis(port=int(self.ports["6380"]), password=self.password, socket_timeout=10)

    def url(self, port: str, path: str) -> str:
        """An address of the page, on the port that the reader has in place of it."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def do(self, block: Block) -> None:
        """Do what a reader does with this block."""
        if block.language == "text":
            self._compare(block.text)
        elif block.file:
            block.write(self.folder)
        elif block.goes_on:
            self._start(block)
        elif "`ID`" in block.above:
            self._ask_with_the_id(block.text)
        elif VERIFY not in block.text:
            if "each new one" in block.above:
                self.begin = [block.text]
            self._type(block.text)

    def new_terminal(self, name: str) -> Terminal:
        """A terminal that begins as the page says."""
        return Terminal(self.folder, name, *self.begin)

    def _type(self, text: str) -> None:
        try:
            self.said = self.first.type(text)
        except AssertionError as failed:
            if "pip install" in text and re.search(NO_INDEX, str(failed)):
                require("install", there=False, hint="the package index does not answer")
            raise

    def _compare(self, text: str) -> None:
        """What came out is what the page says, with anything within a line in place of `...`."""
        pattern = ".*".join(map(re.escape, text.strip().split("...")))
        assert re.fullmatch(pattern, self.said.strip()), self.said

    def _ask_with_the_id(self, text: str) -> None:
        """Type it with the id that came out before, until the task has succeeded."""
        task_id = json.loads(self.said)["id"]

        def succeeded() -> bool:
            self.said = self.first.type(text.replace("ID", task_id))
            return "SUCCESS" in self.said

        wait_until(succeeded, ANSWER_S, "the task has succeeded")

    def _start(self, block: Block) -> None:
        """Start a command that goes on, in a terminal of its own."""
        [name] = [each for each in READY if each in block.text]
        if block.replaces_a_worker:
            self.going_on.pop(name).stop()
        self.going_on[name] = self.new_terminal(f"terminal of {name}")
        self.going_on[name].start(
            block.text,
            lambda said: READY[name] in said and (READY[name] or is_open(self.ports["8025"])),
        )

    def leave(self) -> None:
        """Press Ctrl-C in all terminals, in that of Redis last."""
        for name in sorted(self.going_on, key="redis-server".__eq__):
            self.going_on.pop(name).stop()
        self.first.stop()


def answers(client: redis.Redis) -> bool:
    """True if this Redis answers; one that is about to start does not yet."""
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def is_open(port: str) -> bool:
    """True if somebody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0
