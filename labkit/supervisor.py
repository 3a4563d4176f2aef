"""`./lab up`: start the stack, say READY when every part answers, watch it, and stop it in order.

What ends by itself is started again (labkit/keeper.py).  Only the broker's end ends the lab: a new
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

from lab_home import BROKER_FILE, LAB_HOME, MAIL_FILE
from labkit import children, code
from labkit.broker import EmbeddedBroker, write_broker_file
from labkit.console import NAME_WIDTH, Console
from labkit.ends import end_of
from labkit.errors import LabError, in_shell
from labkit.keeper import Keeper
from labkit.pages import first_port
from labkit.parts import Parts
from labkit.plan import Plan
from labkit.ready import node_name
from labkit.ready_lines import say_ready
from labkit.records import end_leftovers, record_of_this_process
from labkit.redis_check import check_redis, mark_as_ours
from labkit.reload import Reloader
from labkit.signals import STOP_SIGNALS, clean_up_on_signals, end_by_signal, signals_held_back
from labkit.state import STATE_FILE, StackLock
from labkit.stopping import Stopping

READY_TIMEOUT_S = 60  # usually 2 s; the rest is for a slow or busy machine
MOST_WORKERS = 16  # of one lab
LOOK_S = 0.2  # a part that ends is seen within that; more often would cost a processor 1 %


def up(plan: Plan) -> int:
    """Run the stack until it is stopped; return 0 or 1, or end by the signal that stopped it."""
    began = time.monotonic()
    clean_up_on_signals()
    given = os.environ.get("REDIS_URL")
    if given:
        check_redis(given)
    lock = StackLock(LAB_HOME)
    lock.acquire()
    console = Console(verbose=plan.verbose)
    for name in end_leftovers(LAB_HOME):
        console.say(f"ended what a killed lab had left: {name}")
    _remove_address_files()  # of a killed lab
    record = record_of_this_process(LAB_HOME)
    broker = None if given else EmbeddedBroker(LAB_HOME, record)
    try:
        if broker:
            broker.start()
            if broker.cut:
                console.say(f"{broker.cut}; what a power cut kept from being written is lost")
        url = broker.url if broker else str(given)
        mark_as_ours(url)
        if given:  # so that a second terminal finds this lab without the variable
            write_broker_file(LAB_HOME, given, run_id="")
        parts = Parts(LAB_HOME, console, record, url)
        parts.embedded = broker.identity if broker else None
        supervisor = Supervisor(parts, broker, lock, began)
        exit_code = asyncio.run(supervisor.run(plan))
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # a ./lab restart that comes too late
        with signals_held_back():  # an impatient Ctrl-C must not end the clean-up
            if broker:
                broker.stop()
            if lock.in_place():  # else the folder is gone, or is another lab's by now
                _remove_address_files()
                (LAB_HOME / STATE_FILE).unlink(missing_ok=True)
            lock.release()
    if supervisor.signals:
        console.say("stopped")
        end_by_signal(supervisor.signals[0])
    return exit_code


def _remove_address_files() -> None:
    """No program shall look for this lab's broker or mail server any more."""
    for file in (BROKER_FILE, MAIL_FILE):
        file.unlink(missing_ok=True)


class Supervisor:
    """Runs the children of one stack from start to stop."""

    def __init__(
        self, parts: Parts, broker: EmbeddedBroker | None, lock: StackLock, began: float
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
            self.parts.control.close()
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

        Of two workers with one name Celery shows only one.
        """
        names = [f"lab{number}" for number in range(1, workers + MOST_WORKERS + 1)]
        if self.broker:
            return names[:workers]
        used = self.parts.control.answers({node_name(name) for name in names})
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
            end = end_of(*self.broker.last_words())
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
