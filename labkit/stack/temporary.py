"""A stack for one run: `./lab up` once more, in a folder of its own, with what the lesson needs."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab_home import LAB_FILES, LAB_HOME
from labkit.errors import LabError, full_disk
from labkit.processes.program import Program
from labkit.processes.records import end_leftovers, folder_for_a_while, record_of_this_process
from labkit.processes.running_lab import is_ready
from labkit.processes.signals import clean_up_on_signals, signals_held_back
from labkit.stack.code import import_error, mend_hint
from labkit.waiting import wait_until

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20  # a cold stop takes 5 s at most
WARM_S = 4  # a worker without tasks ends in 1 s
POLL_S = 0.05
EXTRAS = ("beat", "flower", "mail", "web")  # what a stack has beside broker and workers


@contextmanager
def temporary_stack(queues: Sequence[str], extras: Sequence[str]) -> Iterator[dict[str, str]]:
    """Start a stack in a new folder; give the environment by which a lesson finds it.

    Its broker is a new one, unless REDIS_URL names one.  Files that tasks write go where they
    always go, so that they can be looked at afterwards.
    """
    clean_up_on_signals()
    command = [sys.executable, "-m", "labkit.cli", "up", "--no-reload"]
    command.append(f"--workers={1 if queues else 0}")
    command += [f"--no-{extra}" for extra in EXTRAS if extra not in extras]
    record = record_of_this_process(LAB_HOME)
    with folder_for_a_while(LAB_HOME, "stack") as home:
        environment = {"LAB_HOME": str(home), "LAB_FILES": str(LAB_FILES)}
        lab = Program("temporary lab", command, home / "up.log", environment)
        try:
            with signals_held_back():
                lab.start()
                record.add(lab.name, lab.identity)
            _wait_until_ready(home, lab)
            yield environment
        finally:
            if lab.started:
                _stop(lab)
                record.remove(lab.identity)
            _keep_logs(home)


def _stop(lab: Program) -> None:
    """Stop the stack.  What still runs after WARM_S was sent by an interrupted lesson."""
    try:
        lab.send(signal.SIGTERM)
        if not lab.identity.wait(WARM_S):
            lab.send(signal.SIGTERM)  # the second one makes it a cold stop
        lab.process.wait(STOP_TIMEOUT_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        lab.kill()
        end_leftovers(LAB_HOME)


def _keep_logs(home: Path) -> None:
    """Move the logs to where they are when a lab is up: hints and lessons name them."""
    with contextlib.suppress(OSError):  # a full disk; then they are gone
        (LAB_HOME / "logs").mkdir(exist_ok=True)
        for log in (home / "logs").iterdir():
            log.replace(LAB_HOME / "logs" / log.name)


def _wait_until_ready(home: Path, lab: Program) -> None:
    if wait_until(lambda: is_ready(home), READY_TIMEOUT_S, every_s=POLL_S, as_long_as=lab.running):
        return
    wrong = "the stack for this run did not start"
    if why := import_error():
        raise LabError(f"{wrong}, because the code cannot be imported: {why}", mend_hint(why))
    if full := full_disk(LAB_HOME):
        raise full
    print(lab.logged(), file=sys.stderr)
    raise LabError(wrong, "./lab up")
