"""The parts of a running stack: which processes there are, and what is written down about them."""

import asyncio
import os
from pathlib import Path
from typing import Any

from lab_home import MAIL_FILE, masked, noted
from labkit.broker.inspector import Inspector, broker_errors, node_name
from labkit.errors import cannot_write
from labkit.processes.identity import ProcessId
from labkit.processes.records import ProcessRecord
from labkit.processes.running_lab import write_state
from labkit.services.mail_check import mail_server_answers
from labkit.services.pages import PAGES, page_answers
from labkit.services.ports import next_free_port
from labkit.stack.children import Child
from labkit.stack.console import Console, LogFollower

POLL_S = 0.05
LOG_POLL_S = 0.1
NOT_STARTED = "it cannot be started"
NODES = ("worker", "beat")  # the kinds that answer a ping over the broker


def _entry(child: Child) -> dict[str, str | int | float]:
    """What stack.json says about one child."""
    return {
        "name": child.name,
        "kind": child.kind,
        "pid": child.identity.pid,
        "started": child.identity.started,
        "code": child.code,
    }


class Parts:
    """The child processes of one stack.

    children: what should run.  leaving: what was asked to stop and finishes its last task.
    ports: of the pages that there are: {"flower": 5555, "web": 8000}.
    refused: the fingerprint of code that cannot be imported, and why, or None.
    given_up: what has ended and is not started again: its name, and why.
    """

    def __init__(self, home: Path, console: Console, record: ProcessRecord, url: str) -> None:
        self.home = home
        self.console = console
        self.record = record
        self.url = url
        self.inspector = Inspector(url)
        self.children: list[Child] = []
        self.leaving: list[Child] = []
        self.ports: dict[str, int] = {}
        self.ready_after_s: float | None = None
        self.embedded: ProcessId | None = None  # the embedded broker, where there is one
        self.reload = False
        self.restarts = 0
        self.refused: dict[str, str] | None = None
        self.given_up: dict[str, str] = {}
        self._followers: dict[str, LogFollower] = {}

    def start(self, child: Child) -> None:
        """Start a child, follow its log, and write it down."""
        new = LogFollower(child.name, child.log, verbose=self.console.verbose)
        follower = self._followers.setdefault(child.name, new)
        follower.starting = True
        child.start()
        self.children.append(child)  # first: what stands here is stopped, also on a full disk
        self.record.add(child.name, child.identity)

    def start_again(self, child: Child) -> None:
        """Start a child once more, which has ended; LabError where no port is left for it."""
        self.record.remove(child.identity)
        child.kill()  # its pool may live on
        if child.kind in PAGES:
            self._find_port(child)
        self._followers[child.name].starting = True
        child.start()
        self.record.add(child.name, child.identity)
        self.save()

    def give_up(self, child: Child, why: str) -> None:
        """Start a child, which has ended, no more; others may start a new one in its place."""
        if child.started:
            child.kill()
            self.record.remove(child.identity)
        if child not in self.children:
            self.children.append(child)
        self.given_up[child.name] = why
        self.save()

    def let_go(self, child: Child) -> None:
        """Ask a child to stop warmly; it stays in `leaving` until it has ended."""
        self.given_up.pop(child.name, None)
        child.stop_warmly()
        self.children.remove(child)
        self.leaving.append(child)

    def clear_ended(self) -> None:
        """Forget the leaving children that have ended."""
        for child in [one for one in self.leaving if not one.running()]:
            child.kill()
            self.leaving.remove(child)
            self.record.remove(child.identity)

    def _find_port(self, child: Child) -> None:
        """Let a page move on to the next free port where its own was taken meanwhile."""
        kind, old = child.kind, self.ports[child.kind]
        port = self.ports[kind] = next_free_port(old, f"./lab up --no-{kind}")
        child.command = PAGES[kind].command(port)
        if port != old:
            say = self.console.say
            say(f"another program was faster: {PAGES[kind].title} moves on to {port}")

    def workers(self) -> list[Child]:
        """The workers that should run, and are not given up."""
        return [one for one in self.children if one.kind == "worker" and self._wanted(one)]

    async def wait_for_answers(self, some: list[Child]) -> None:
        """Return when each of these answers: workers and Beat a ping, the others a visitor.

        What is given up meanwhile, or replaced by another, is not waited for.
        """
        some = list(some)  # it may be self.children, which changes
        async with asyncio.TaskGroup() as both:
            both.create_task(self._wait_for_nodes([one for one in some if one.kind in NODES]))
            for child in some:
                if child.kind not in NODES:
                    both.create_task(self._wait_for(child))
        self.print_new_lines()
        for child in some:
            self._followers[child.name].starting = False

    async def _wait_for_nodes(self, some: list[Child]) -> None:
        answered: set[str] = set()
        while nodes := {node_name(one.name) for one in some if self._wanted(one)} - answered:
            answered |= await self._heard(nodes)
            await asyncio.sleep(POLL_S)

    async def _heard(self, nodes: set[str]) -> set[str]:
        """Which of these nodes answer; none while a Redis of the learner's own is away."""
        try:
            return await asyncio.to_thread(self.inspector.answers, nodes)
        except broker_errors():
            return set()

    async def _wait_for(self, child: Child) -> None:
        while self._wanted(child) and not await asyncio.to_thread(self._answers, child):
            await asyncio.sleep(POLL_S)

    async def silent(self) -> list[Child]:
        """Which of the children that should run do not answer now."""
        wanted = [one for one in self.children if self._wanted(one)]
        nodes = {node_name(one.name) for one in wanted if one.kind in NODES}
        heard = await self._heard(nodes) if nodes else set()
        return [
            one
            for one in wanted
            if (node_name(one.name) not in heard if one.kind in NODES else not self._answers(one))
        ]

    def _wanted(self, child: Child) -> bool:
        return child in self.children and child.name not in self.given_up

    def _answers(self, child: Child) -> bool:
        """True if this child, which is no node of Celery's, answers a visitor."""
        if child.kind == "mail":
            return mail_server_answers(child.identity, self.home)
        return page_answers(child.identity, self.ports[child.kind], PAGES[child.kind].health)

    def address(self, kind: str) -> str | None:
        """Where "flower", "web" or "mail" is; None where it does not run."""
        if kind in self.given_up:
            return None
        if kind == "mail":
            return noted(self.home / MAIL_FILE.name).get("url")
        return f"http://localhost:{self.ports[kind]}" if kind in self.ports else None

    def save(self) -> None:
        """Write stack.json, which `./lab status`, `run` and the lessons read.

        A full disk is said, and ends nothing.  Where the folder is gone, the lab stops.
        """
        try:
            write_state(self.home, self._state())
        except FileNotFoundError:
            pass
        except OSError as error:
            what = "what runs cannot be written down"
            self.console.say(cannot_write(error, what).sentence)

    def _state(self) -> dict[str, Any]:
        return {
            "launcher": os.getpid(),
            "ready_after_s": self.ready_after_s,
            "broker": masked(self.url),
            **{kind: self.address(kind) for kind in ("flower", "web", "mail")},
            "embedded": self.embedded and [self.embedded.pid, self.embedded.started],
            "reload": self.reload,
            "restarts": self.restarts,
            "refused": self.refused,
            "given_up": self.given_up,
            "children": [_entry(child) for child in self.children],
            "leaving": [_entry(child) for child in self.leaving],
        }

    async def print_logs(self) -> None:
        """Print what the children log, until cancelled."""
        while True:
            self.print_new_lines()
            await asyncio.sleep(LOG_POLL_S)

    def print_new_lines(self, *, to_the_end: bool = False) -> None:
        """Print what was logged since the last time."""
        for follower in self._followers.values():
            for line in follower.new_lines(to_the_end=to_the_end):
                self.console.log_line(follower.name, line)
