"""Restart what runs older code than the files hold, but never with code that cannot be imported."""

import asyncio
import contextlib
import time

from labkit.errors import cannot_write
from labkit.stack import code
from labkit.stack.children import Child
from labkit.stack.parts import NOT_STARTED, POLL_S, Parts

LOOK_S = 0.5
SETTLED_S = 0.1  # an editor that saves is done in milliseconds
ANSWER_S = 60  # a part answers in 2 s; the rest is for a busy machine
OVERLAP_S = 3  # an idle worker ends in under 1 s; a busy one finishes beside its successor


class Reloader:
    """Watches tasks/, work/, web/ and celery_app.py, and restarts warmly what runs older code."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._turn = asyncio.Lock()
        self._asked = False  # somebody waits for a restart
        self._refused_web = ""  # the fingerprint of a web app that cannot be imported

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
            newest = code.fingerprints()
            stale = [child for child in self.parts.children if child.code != newest[child.kind]]
            if stale:  # perhaps we looked while a file was half saved
                await asyncio.sleep(SETTLED_S)
                if code.fingerprints() != newest:
                    return
            fit = await self._without_refused_workers(stale, newest["worker"])
            if not self.parts.refused:  # the web app sends these tasks
                fit += await self._without_refused_web(stale, newest["web"])
            if fit:
                names = ", ".join(child.name for child in fit)
                self.parts.console.say(f"the code has changed: restarting {names}")
                await self._replace(fit, newest)

    async def _without_refused_workers(self, stale: list[Child], newest: str) -> list[Child]:
        """Workers, Beat and Flower among these; none of them if the new code is refused."""
        stale = [child for child in stale if child.kind != "web"]
        refused = self.parts.refused
        if not stale or (refused and refused["code"] == newest):
            if not stale and refused:
                self._refuse(None)
            return []
        why = await asyncio.to_thread(code.import_error)
        self._refuse({"code": newest, "why": why} if why else None)
        if why:
            stay = "the old workers stay" if self.parts.workers() else "no worker runs"
            self.parts.console.say(f"not reloaded, {stay}: {why}")
        return [] if why else stale

    async def _without_refused_web(self, stale: list[Child], newest: str) -> list[Child]:
        """The web app, if it is among these and can be imported."""
        stale = [child for child in stale if child.kind == "web"]
        if not stale or newest == self._refused_web:
            return []
        why = await asyncio.to_thread(code.import_error, web=True)
        self._refused_web = newest if why else ""
        if why:
            self.parts.console.say(f"not reloaded, the old web app stays: {why}")
        return [] if why else stale

    async def restart_all(self) -> None:
        """Restart all but the mail server; that one too, if it was given up."""
        self._asked = True
        async with self._turn:
            self._asked = False
            out = self.parts.given_up
            some = [one for one in self.parts.children if one.kind != "mail" or one.name in out]
            self.parts.console.say(f"restarting {', '.join(child.name for child in some)}")
            await self._replace(some, code.fingerprints())
            self.parts.restarts += 1
            self.parts.save()

    def _refuse(self, refused: dict[str, str] | None) -> None:
        self.parts.refused = refused
        self.parts.save()

    async def _replace(self, old: list[Child], newest: dict[str, str]) -> None:
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
                child.kill()
        new = []
        for child in old:
            successor = Child(child.kind, child.name, child.command, child.log, child.variables)
            successor.code = newest[child.kind]
            try:
                self.parts.start(successor)
            except OSError as error:  # a full disk
                why = cannot_write(error, NOT_STARTED).sentence
                self.parts.give_up(successor, why)
                self.parts.console.say(f"{child.name} was not started: {why}")
            new.append(successor)
        self.parts.save()
        await self._until_they_answer(new, newest)
        self.parts.save()

    async def _until_they_answer(self, new: list[Child], newest: dict[str, str]) -> None:
        """Wait, and say how it went; no longer than until somebody mends the code, or restarts."""
        names = ", ".join(child.name for child in new)
        deadline = time.monotonic() + ANSWER_S
        waiting = asyncio.ensure_future(self.parts.wait_for_answers(new))
        try:
            while not (await asyncio.wait({waiting}, timeout=LOOK_S))[0]:
                if time.monotonic() > deadline:
                    self.parts.console.say(f"not all of these answered in {ANSWER_S} s: {names}")
                    self.parts.console.say("hint: ./lab restart")
                    return
                if self._asked or code.fingerprints() != newest:
                    return
            waiting.result()
        finally:
            waiting.cancel()
        if ready := [child.name for child in new if child.name not in self.parts.given_up]:
            self.parts.console.say(f"ready again: {', '.join(ready)}")
