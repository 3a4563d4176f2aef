"""Stop the children: warmly, and cold where a person or the system asks for it."""

import asyncio
import signal
import time
from collections.abc import Mapping

from labkit.broker.inspector import node_name
from labkit.stack.parts import POLL_S, Parts

TELL_AFTER_S = 10  # then say which tasks are waited for
COLD_AFTER_S = 30  # after SIGTERM: who sends that (a shutdown) will not wait for ever
COLD_S = 5  # a cold stop takes about 1 s; after this, kill


class Stopping:
    """The way down.  `cold` is set by a second Ctrl-C, or 30 s after SIGTERM.

    patient: after Ctrl-C, tasks may take as long as they like.  broker: it is there, so that
    workers can be asked what they do.
    """

    def __init__(self, parts: Parts, *, patient: bool, broker: bool) -> None:
        self.parts = parts
        self.patient = patient
        self.broker = broker
        self.cold = asyncio.Event()

    async def run(self) -> None:
        """Stop every child; return when all have ended.  The broker is not a child."""
        parts = self.parts
        if parts.embedded and parts.children:
            parts.embedded.send(signal.SIGCONT)  # a broker that is stopped answers none of them
        active = await self._active_tasks()
        for child in [one for one in parts.children if one.kind != "mail"]:
            parts.let_go(child)
        began = time.monotonic()
        told = False
        while (parts.leaving or parts.children) and not self.cold.is_set():
            if not parts.leaving:  # the mail server is the last one: a task may still need it
                for child in list(parts.children):
                    parts.let_go(child)
            waited_s = time.monotonic() - began
            if waited_s > TELL_AFTER_S and not told:
                told = True
                self._tell(active)
            if waited_s > COLD_AFTER_S and not self.patient:
                parts.console.say(f"stopping cold: {COLD_AFTER_S} s have passed")
                self.cold.set()
            await self._step()
        if parts.leaving or parts.children:
            await self._stop_cold()

    async def _stop_cold(self) -> None:
        """QUIT: workers drop what they do, and give back what was acknowledged late."""
        parts = self.parts
        parts.console.say("stopping cold: running tasks are interrupted")
        for child in list(parts.children):
            parts.let_go(child)
        for child in parts.leaving:
            child.send(signal.SIGQUIT if child.kind == "worker" else signal.SIGKILL)
        deadline = time.monotonic() + COLD_S
        while parts.leaving and time.monotonic() < deadline:
            await self._step()
        for child in parts.leaving:
            child.kill()
        parts.clear_ended()

    async def _step(self) -> None:
        self.parts.clear_ended()
        await asyncio.sleep(POLL_S)

    async def _active_tasks(self) -> list[tuple[str, Mapping]]:
        """Ask before the stop: a worker that stops answers no more."""
        names = {node_name(child.name) for child in self.parts.workers() if child.running()}
        if not names or not self.broker:
            return []
        try:
            return await asyncio.to_thread(self.parts.inspector.active_tasks, names)
        except Exception:  # noqa: BLE001 - without a broker there is nothing to tell, and no harm
            return []

    def _tell(self, active: list[tuple[str, Mapping]]) -> None:
        busy = {node_name(child.name) for child in self.parts.leaving if child.kind == "worker"}
        say = self.parts.console.say
        for worker, task in active:
            if worker in busy:
                say(f"waiting for {task['name']} [{task['id']}] on {worker}")
        for child in self.parts.leaving:
            if node_name(child.name) not in {worker for worker, _ in active}:
                say(f"waiting for {child.name}")
        say("Ctrl-C again interrupts what still runs")
