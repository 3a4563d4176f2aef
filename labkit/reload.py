"""Restart the workers when their code changes, but never with code that cannot be imported."""

import asyncio
import contextlib

from labkit import code
from labkit.children import Child
from labkit.parts import POLL_S, Parts

LOOK_S = 0.5
OVERLAP_S = 3  # an idle worker ends in under 1 s; a busy one finishes beside its successor


class Reloader:
    """Watches tasks/, work/ and celery_app.py, and restarts warmly what runs older code."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._turn = asyncio.Lock()

    async def watch(self) -> None:
        """Look at the files twice a second and restart after every change, until cancelled.

        Looking costs 1 ms.  A notice from the system would come sooner, but not for every kind
        of folder, nor for what is saved while the watch itself is being set up.
        """
        while True:
            await self.reload()
            await asyncio.sleep(LOOK_S)

    async def reload(self) -> None:
        """Restart what runs other code than the files hold; if they cannot be imported, say so."""
        async with self._turn:
            newest, app = code.fingerprint(), code.app_fingerprint()
            stale = [
                child
                for child in self.parts.children
                if child.code != (newest if child.kind == "worker" else app)
            ]
            refused = self.parts.refused
            if not stale or (refused and refused["code"] == newest):
                if not stale and refused:
                    self._refuse(None)
                return
            why = await asyncio.to_thread(code.import_error)
            if why:
                self._refuse({"code": newest, "why": why})
                self.parts.console.say(f"not reloaded, the old workers stay: {why}")
                return
            self._refuse(None)
            names = ", ".join(child.name for child in stale)
            self.parts.console.say(f"the code has changed: restarting {names}")
            await self._replace(stale, worker_code=newest, app_code=app)

    async def restart_all(self) -> None:
        """Restart workers, Beat and Flower, whatever they run."""
        async with self._turn:
            self.parts.console.say("restarting workers, Beat and Flower")
            await self._replace(
                list(self.parts.children),
                worker_code=code.fingerprint(),
                app_code=code.app_fingerprint(),
            )
            self.parts.restarts += 1
            self.parts.save()

    def _refuse(self, refused: dict[str, str] | None) -> None:
        self.parts.refused = refused
        self.parts.save()

    async def _replace(self, old: list[Child], *, worker_code: str, app_code: str) -> None:
        """Stop these warmly and start the same again; return when the new ones answer.

        Only a worker may finish beside its successor: two Beats would send every task twice, and
        two Flowers cannot have one port.
        """
        for child in old:
            self.parts.let_go(child)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OVERLAP_S):
                while any(child in self.parts.leaving for child in old):
                    self.parts.clear_ended()
                    await asyncio.sleep(POLL_S)
        for child in old:
            if child.kind != "worker" and child in self.parts.leaving:
                child.clear_away()
        new = []
        for child in old:
            successor = Child(child.kind, child.name, child.command, child.log, child.environment)
            successor.code = worker_code if child.kind == "worker" else app_code
            self.parts.start(successor)
            new.append(successor)
        await self.parts.wait_for_answers(new)
        self.parts.save()
        self.parts.console.say(f"ready again: {', '.join(child.name for child in new)}")
