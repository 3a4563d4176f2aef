"""A program for one block of a lesson or a test: recorded, and stopped on the way out."""

import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from lab_home import LAB_HOME
from labkit.long_lines import show_command
from labkit.processes.program import STOP_TIMEOUT_S, Program
from labkit.processes.records import folder_for_a_while, record_of_this_process
from labkit.processes.signals import signals_held_back

HURRIED_STOP_S = 3  # after Ctrl-C, or an error, nobody wants to wait for the last task

SomeProgram = TypeVar("SomeProgram", bound=Program)


@contextmanager
def started(
    kind: type[SomeProgram],
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    show: bool = True,
) -> Iterator[SomeProgram]:
    """Start a program, which is called NAME@HOST; stop it on the way out.

    After Ctrl-C it gets HURRIED_STOP_S seconds, and a line on standard error says that it ended.
    Its output goes to LAB_HOME/logs/NAME.log.  show: print the command.
    Its temporary files go into a folder that is removed: one that is killed leaves them.
    """
    if show:
        show_command(command)
    log = LAB_HOME / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    record = record_of_this_process(LAB_HOME)
    with folder_for_a_while(LAB_HOME, name) as folder:
        ours = {"TMPDIR": str(folder)} | dict(environment or {})
        program = kind(f"{name}@{socket.gethostname()}", command, log, ours)
        patience_s = HURRIED_STOP_S
        try:
            with signals_held_back():
                program.start()
                record.add(name, program.identity)
            yield program
            patience_s = STOP_TIMEOUT_S
        except KeyboardInterrupt:
            with signals_held_back():  # a second Ctrl-C must not end the clean-up
                program.stop(signal.SIGTERM, HURRIED_STOP_S)
                print(f"stopped the {kind.kind} {program.name}", file=sys.stderr, flush=True)
            raise
        finally:
            if program.started:
                program.stop(signal.SIGTERM, patience_s)
                program.identity.kill_group()
                record.remove(program.identity)
