"""Start the stack, say READY when every part answers, watch it, and stop it in order.

What ends by itself is started again (keeper.py).  Only the broker's end ends the lab: a new
broker would have another port.  The order matters: the broker is first up and last down.  A worker
that loses its broker while it stops leaves its messages behind; runners that stop everything at
once lose work that way.
"""

import asyncio
import os
import shlex
import signal
import time
from collections.abc import Awaitable
from dataclasses import dataclass

from labkit.broker.inspector import node_name
from labkit.broker.server import EmbeddedBroker
from labkit.errors import LabError, in_shell
from labkit.processes.lock import Lock
from labkit.processes.signals import STOP_SIGNALS
from labkit.services.pages import first_port
from labkit.stack import children, code
from labkit.stack.console import NAME_WIDTH
from labkit.stack.ends import end_of
from labkit.stack.greeting import say_ready
from labkit.stack.keeper import Keeper
from labkit.stack.parts import Parts
from labkit.stack.reload import Reloader
from labkit.stack.stopping import Stopping

READY_TIMEOUT_S = 60  # usually 2 s; the rest is for a slow or busy machine
MOST_WORKERS = 16  # of one lab
LOOK_S = 0.2  # a part that ends is seen within that; more often would cost a processor 1 %


@dataclass(frozen=True)
class Plan:
    """What `./lab up` is asked to run beside the broker, and whether a changed file restarts it.

    verbose: print every log line, whole.
    """

    workers: int = 1
    reload: bool = True
    beat: bool = True
    flower: bool = True
    mail: bool = True
    web: bool = True
    verbose: bool = False


class Supervisor:
    """Runs the children of one stack from start to stop."""

    def __init__(
        self, parts: Parts, broker: EmbeddedBroker | None, lock: Lock, began: float
    ) -> None:
        self.parts = parts
        self.broker = broker
        self.lock = lock
        self.began = began
        self.signals: list[int] = []
        self.stopping: Stopping | None = None
        self.keeper = Keeper(parts)
        self._tasks: list[asyncio.Task] = []

    async def run(self, plan: Plan) -> int:
        """Start, watch, stop.  0 when it was asked to stop, 1 when it could not go on."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._on_signal, number)
        logs = asyncio.create_task(self.parts.print_logs())
        exit_code = 0
        try:
            self.parts.reload = plan.reload
            self._start_children(plan)
            if await self._until(self._all_answer()):
                self._watch_for_changes(reload=plan.reload)
                self.parts.ready_after_s = round(time.monotonic() - self.began, 2)
                self.parts.save()
                self.parts.print_new_lines()
                say_ready(self.parts, self.broker)
                await self._until(asyncio.Event().wait())
            exit_code = self._explain()
        finally:
            self.keeper.cancel()
            for task in self._tasks:
                if not task.cancel() and not task.cancelled():
                    task.exception()  # asked for, or asyncio prints it at the end
            self.stopping = Stopping(
                self.parts, patient=signal.SIGINT in self.signals, broker=not self._broker_ended()
            )
            await self.stopping.run()
            logs.cancel()
            self.parts.print_new_lines(to_the_end=True)
            self.parts.inspector.close()
        return exit_code

    def _on_signal(self, number: int) -> None:
        self.signals.append(number)
        if len(self.signals) == 1:
            self.parts.console.say(
                "stopping: workers finish what they do (Ctrl-C again interrupts)"
            )
        elif self.stopping:
            self.stopping.cold.set()

    def _start_children(self, plan: Plan) -> None:
        home, ports = self.parts.home, self.parts.ports
        some = [children.worker(home, name) for name in self._free_names(plan.workers)]
        if plan.beat:
            some.append(children.beat(home))
        if plan.flower:
            ports["flower"] = first_port("flower")
            some.append(children.page(home, "flower", ports["flower"]))
        if plan.mail and not os.environ.get("SMTP_URL"):
            some.append(children.mail(home))
        if plan.web:
            ports["web"] = first_port("web")
            some.append(children.page(home, "web", ports["web"]))
        newest = code.fingerprints()
        for child in some:
            child.code = newest[child.kind]
            self.parts.console.say(
                f"starting {child.name:{NAME_WIDTH}} {shlex.join(child.command)}"
            )
            self.parts.start(child)
        self.parts.save()

    def _free_names(self, workers: int) -> list[str]:
        """lab1, lab2, ...; on a Redis of the learner's, names that another lab uses are left out.

        Two labs that start there in the same second may both take lab1: ./lab doctor says so.
        """
        names = [f"lab{number}" for number in range(1, workers + MOST_WORKERS + 1)]
        nodes = set(map(node_name, names))
        used = set() if self.broker else self.parts.inspector.answers(nodes)
        return [name for name in names if node_name(name) not in used][:workers]

    async def _all_answer(self) -> None:
        """Wait for every part; what does not answer in READY_TIMEOUT_S is named, and left so."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self.parts.wait_for_answers(self.parts.children)
        except TimeoutError:
            silent = await self.parts.silent()
            if len(silent) == len(self.parts.children):
                raise LabError(
                    f"nothing of the stack answered in {READY_TIMEOUT_S} s",
                    f"ls {in_shell(self.parts.home / 'logs')}",
                ) from None
            names = ", ".join(child.name for child in silent)
            self.parts.console.say(f"{names} did not answer in {READY_TIMEOUT_S} s")
            self.parts.console.say("hint: ./lab restart")

    async def _until(self, wanted: Awaitable) -> bool:
        """Wait for `wanted`; False if before that a stop was asked for or the lab cannot go on."""
        task = asyncio.ensure_future(wanted)
        while not task.done():
            self.parts.clear_ended()
            if self.signals or self.parts.console.closed or self._cannot_go_on():
                task.cancel()
                return False
            # Below this, errors are not those of a folder that was moved away.
            for done in [one for one in self._tasks if one.done()]:
                done.result()  # a reload that failed for a reason of ours, such as a full disk
                self._tasks.remove(done)
            self.keeper.look()
            await asyncio.wait({task}, timeout=LOOK_S)
        task.result()
        return not self._cannot_go_on()

    def _broker_ended(self) -> bool:
        return bool(self.broker and not self.broker.running())

    def _cannot_go_on(self) -> bool:
        """The broker or the folder is gone, or the code could not be imported at the start."""
        broken = bool(self.keeper.broken and not self.parts.ready_after_s)
        return self._broker_ended() or broken or not self.lock.in_place()

    def _explain(self) -> int:
        """Say why the stack stops: 0 if somebody asked for it, else 1."""
        if self.signals or not self._cannot_go_on():
            return 0
        self.parts.print_new_lines(to_the_end=True)
        say = self.parts.console.say
        if not self.lock.in_place():
            say(f"the folder {self.parts.home} was moved or removed, so everything stops")
            say("\nhint: ./lab up")
        elif not self._broker_ended():
            say(f"the code cannot be imported, so everything stops: {self.keeper.broken}")
            say(f"\nhint: {code.mend_hint(self.keeper.broken)}")
        elif self.broker:
            end = end_of(self.broker.process.returncode, self.broker.logged())
            say(f"the broker {end.how}, so everything stops")
            for line in end.why:
                say(f"    {line}")
            say("\nhint: ./lab up")
        return 1

    def _watch_for_changes(self, *, reload: bool) -> None:
        reloader = Reloader(self.parts)

        def restart() -> None:
            if self.stopping:
                return  # what starts now would outlive us
            self._tasks.append(asyncio.create_task(reloader.restart_all()))

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, restart)
        if reload:
            self._tasks.append(asyncio.create_task(reloader.watch()))
