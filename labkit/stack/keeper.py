"""Starts again what has ended by itself, as systemd would, and knows when to give up."""

import asyncio
import time

from labkit.broker.inspector import node_name
from labkit.broker.set_aside import LOGGED, Kept, last_of
from labkit.errors import LabError, cannot_write
from labkit.stack import code
from labkit.stack.beat_notes import notes_aside
from labkit.stack.children import Child
from labkit.stack.ends import End, end_of
from labkit.stack.parts import NOT_STARTED, Parts

AGAIN_AFTER_S = 1.0
MOST_ENDS = 5  # of one part in WITHIN_S; then it is given up
WITHIN_S = 60.0
MOST_IN_VAIN = 3
DONE = b"] succeeded in "  # Celery's line for a task that has
LOOK_FOR_STOPPED_S = 0.5


class Keeper:
    """Watches the children of one stack, from start to stop; the broker is not a child.

    broken: why the code cannot be imported, if a part has ended for that.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.broken = ""
        self._ends: dict[str, list[float]] = {}
        self._work: dict[str, asyncio.Task] = {}  # what goes on about a part, by its name
        self._stopped: dict[str, int] = {}  # name -> pid of what was told to be stopped
        self._looked = 0.0
        self._in_vain = 0  # messages that were set aside, one after another, and nothing else done
        self._read_to: dict[str, int] = {}  # how far a worker's log was read, by its name

    def look(self) -> None:
        """See who has ended; start it again after AGAIN_AFTER_S, in a task of the event loop.

        Raises what went wrong in such a task for a reason of the lab's own.
        """
        for name, task in list(self._work.items()):
            if task.done():
                del self._work[name]
                if not task.cancelled():
                    task.result()
        for child in list(self.parts.children):
            if child.running() or child.name in self.parts.given_up:
                continue
            busy = self._work.get(child.name)
            if busy and busy.get_name() != "waiting":
                continue  # it is being started again
            if busy:
                busy.cancel()
            self._work[child.name] = asyncio.create_task(self._again(child), name="starting")
        if time.monotonic() - self._looked > LOOK_FOR_STOPPED_S:
            self._looked = time.monotonic()
            self._look_for_stopped()

    def cancel(self) -> None:
        """Start nothing any more."""
        for task in self._work.values():
            task.cancel()

    async def _again(self, child: Child) -> None:
        """Say how it ended, and start it once more, or give it up."""
        ended = time.monotonic()
        end = end_of(child.process.returncode, child.logged())
        ends = self._ends.setdefault(child.name, [])
        ends[:] = [*(one for one in ends if ended - one < WITHIN_S), ended]
        self._say(child, end, last=len(ends) >= MOST_ENDS)
        if child.kind == "beat" and end.failed and (moved := notes_aside(child.logged())):
            self.parts.console.say(f"Beat could not read its notes; they are set aside: {moved}")
        why = await self._why_not(child, end)
        if child not in self.parts.children:  # somebody restarts it just now
            return
        if why:
            self._give_up(child, why)
            return
        await asyncio.sleep(max(0.0, ended + AGAIN_AFTER_S - time.monotonic()))
        if child not in self.parts.children:
            return
        try:
            child.code = code.fingerprints()[child.kind]
            self.parts.start_again(child)
        except LabError as error:
            self._give_up(child, error.sentence)
        except OSError as error:
            self._give_up(child, cannot_write(error, NOT_STARTED).sentence)
        else:
            waiting = self._until_back(child, ended)
            self._work[child.name] = asyncio.create_task(waiting, name="waiting")

    def _say(self, child: Child, end: End, *, last: bool) -> None:
        again = "" if last or end.failed else "; it is started again"
        self.parts.print_new_lines(to_the_end=True)
        self.parts.console.say(f"{child.name} {end.how}{again}")
        for line in end.why:
            self.parts.console.say(f"    {line}")

    async def _why_not(self, child: Child, end: End) -> str:
        """Why it is not started again; "" if it is."""
        if end.failed and not end.at_work and child.kind != "mail":
            web = child.kind == "web"
            broken = await asyncio.to_thread(code.import_error, web=web)
            if broken and not broken.startswith(code.TOO_SLOW):
                self.broken = broken
                return self._of_the_code()
        kept = await self._set_aside_by(child) if end.failed else None
        if kept:
            self.parts.console.say("a message on which workers ended twice is set aside")
            self.parts.console.say("hint: ./lab aside")
            self._in_vain = 0 if self._has_worked() or kept.at_fault else self._in_vain + 1
            if self._in_vain >= MOST_IN_VAIN:
                return (
                    f"{MOST_IN_VAIN} messages ended workers, and no task succeeded meanwhile: the "
                    "cause may be the code, and `./lab aside back all` brings the messages back"
                )
            for name in [one.name for one in self.parts.workers()]:
                self._ends.pop(name, None)  # what ended them is out of the way
        elif len(self._ends[child.name]) >= MOST_ENDS:
            last = f", the last time with {end.why[-1]!r}" if end.why else ""
            return f"it ended {MOST_ENDS} times in a minute{last}"
        return ""

    async def _set_aside_by(self, child: Child) -> Kept | None:
        """The message on which this process has ended, if it was set aside for that."""
        if child.kind != "worker" or LOGGED not in child.logged():
            return None  # others set messages aside, too: another lab, a lesson's own worker
        return await asyncio.to_thread(last_of, node_name(child.name), self.parts.url)

    def _has_worked(self) -> bool:
        """True if a task of some worker succeeded since the last look; it may have ended since."""
        logs = {one.name: one.log.read_bytes() for one in self.parts.workers() if one.log.exists()}
        new = [log[self._read_to.get(name, 0) :] for name, log in logs.items()]
        self._read_to = {name: len(log) for name, log in logs.items()}
        return any(DONE in log for log in new)

    def _give_up(self, child: Child, why: str) -> None:
        self._ends.pop(child.name, None)
        self._in_vain = 0
        if why == self._of_the_code():
            child.code = ""  # so that the next code that can be imported starts it
        self.parts.give_up(child, why)
        if self.broken and not self.parts.ready_after_s:
            return  # everything stops, and says why
        say = self.parts.console.say
        say(f"{child.name} is not started again, because {why}; everything else stays up")
        say(f"hint: {code.given_up_hint(why, reload=self.parts.reload)}")

    def _of_the_code(self) -> str:
        return f"{code.CANNOT_IMPORT}{self.broken}"

    async def _until_back(self, child: Child, ended: float) -> None:
        """Say so when it answers again.  ended: when it did (time.monotonic())."""
        await self.parts.wait_for_answers([child])
        if child.running() and child in self.parts.children:
            self.parts.save()  # the mail server may have another address
            self.parts.console.say(f"{child.name} is back after {time.monotonic() - ended:.1f} s")

    def _look_for_stopped(self) -> None:
        """Tell of a process that was stopped (kill -STOP): it lives, and does nothing."""
        say = self.parts.console.say
        some = {child.name: child.identity for child in self.parts.children if child.started}
        if self.parts.embedded:
            some["broker"] = self.parts.embedded
        for name, process in some.items():
            if not process.stopped():
                if self._stopped.pop(name, None) == process.pid and process.running():
                    say(f"{name} goes on")
            elif self._stopped.get(name) != process.pid:
                self._stopped[name] = process.pid
                say(f"{name} (process {process.pid}) is stopped (kill -STOP), and answers nothing")
                pids = process.group_pids()
                say(f"hint: kill -CONT {pids}")
