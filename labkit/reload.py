"""Restart the workers when their code changes, but never with code that cannot be imported."""

import asyncio
import contextlib
from pathlib import Path

from watchfiles import awatch

from lab_home import ROOT
from labkit import code
from labkit.children import Child
from labkit.parts import POLL_S, Parts

OVERLAP_S = 3  # an idle worker ends in under 1 s; a busy one finishes beside its successor


class Reloader:
    """Watches tasks/, work/ and celery_app.py, and restarts warmly what runs older code."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    async def watch(self) -> None:
        """Restart after every change, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_changes(ROOT / "tasks", ROOT / "work", recursive=True))
            group.create_task(self._note_changes(ROOT, recursive=False))
            self._changed.set()  # something may have changed while the stack started
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self.reload()

    async def _note_changes(self, *paths: Path, recursive: bool) -> None:
        async for _ in awatch(*paths, recursive=recursive, debounce=200, step=50):
            self._changed.set()

    async def reload(self) -> None:
        """Restart what runs other code than the files hold; if they cannot be imported, say so."""
        async with self._turn:
            newest = code.fingerprint()
            stale = [child for child in self.parts.workers() if child.code != newest]
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
            app = code.app_fingerprint()
            stale += [
                child
                for child in self.parts.children
                if child.kind != "worker" and child.code != app
            ]
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
        """Stop these warmly and start the same again; return when the new ones answer."""
        for child in old:
            self.parts.let_go(child)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OVERLAP_S):
                while any(child in self.parts.leaving for child in old):
                    self.parts.clear_ended()
                    await asyncio.sleep(POLL_S)
        new = []
        for child in old:
            successor = Child(child.kind, child.name, child.command, child.log, child.environment)
            successor.code = worker_code if child.kind == "worker" else app_code
            self.parts.start(successor)
            new.append(successor)
        await self.parts.wait_for_answers(new)
        self.parts.save()
        self.parts.console.say(f"ready again: {', '.join(child.name for child in new)}")
