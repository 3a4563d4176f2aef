"""The verbs that speak to a running stack from another terminal: down, restart, status."""

import signal
import time

import click
from rich.console import Console
from rich.table import Table

from lab_home import LAB_HOME
from labkit.broker.check import stopped_broker
from labkit.errors import LabError, full_disk
from labkit.processes.identity import ProcessId
from labkit.processes.records import end_leftovers, leftovers
from labkit.processes.running_lab import (
    process_of,
    processes_of,
    read_state,
    remove_address_files,
    running_lab,
)
from labkit.stack.code import TOO_SLOW, given_up_hint, import_error, mend_hint
from labkit.waiting import wait_until
from work.orders.partner_address import read_address

DOWN_TIMEOUT_S = 50  # the supervisor itself goes cold after 30 s
RESTART_TIMEOUT_S = 60
TELL_AFTER_S = 3
POLL_S = 0.1
STOPPED = "is stopped (kill -STOP)"
PARTNERS_FILE = LAB_HOME / "partners"  # of ./lab partners, which runs by itself


def down() -> None:
    """Stop the running stack, or end what a killed one left behind."""
    lab = running_lab(LAB_HOME)
    if lab:
        if not read_state(LAB_HOME):
            raise LabError("a lab is starting here at this moment", "sleep 5; ./lab down")
        _stop(lab)
        click.echo("stopped")
    ended = end_leftovers(LAB_HOME)
    if not running_lab(LAB_HOME):  # somebody may start one this moment
        remove_address_files()
    partners = read_address(PARTNERS_FILE)
    if not partners:  # nobody, or its writer was killed
        PARTNERS_FILE.unlink(missing_ok=True)
    for name in ended:
        click.echo(f"ended what a killed lab had left: {name}")
    if not ended and not lab:
        click.echo("no lab runs here" if partners else "nothing runs here")
    if partners:
        click.echo("`./lab partners` goes on; Ctrl-C in its terminal ends it")


def _stop(launcher: ProcessId) -> None:
    launcher.send(signal.SIGTERM)
    if launcher.wait(TELL_AFTER_S):
        return
    click.echo("waiting for running tasks; after 30 s they are interrupted")
    if not launcher.wait(DOWN_TIMEOUT_S):
        raise LabError(
            f"the lab (process {launcher.pid}) did not stop in {DOWN_TIMEOUT_S} s",
            f"kill -9 {launcher.pid}; ./lab down",
        )


def restart() -> None:
    """Ask the running stack to restart all but broker and mail server; wait until they answer."""
    state = _state_or_error()
    if stopped := stopped_broker():
        raise stopped
    if full := full_disk(LAB_HOME):  # it could not be written down
        raise full
    if why := import_error() or (import_error(web=True) if state.get("web") else None):
        if why.startswith(TOO_SLOW):
            raise LabError(f"nothing was restarted: {why}", "./lab restart")
        raise LabError(
            f"nothing was restarted, because the new code cannot be imported: {why}", mend_hint(why)
        )
    if lab := running_lab(LAB_HOME):
        lab.send(signal.SIGUSR1)
    before = state["restarts"]
    if not wait_until(
        lambda: _state_or_error()["restarts"] > before, RESTART_TIMEOUT_S, every_s=POLL_S
    ):
        raise LabError(f"no restart within {RESTART_TIMEOUT_S} s", "./lab status")
    if out := _state_or_error()["given_up"]:
        raise LabError(f"all was restarted, and {', '.join(out)} ended again", "./lab status")
    click.echo("restarted; the broker and its messages stayed")


def _state_or_error() -> dict:
    state = read_state(LAB_HOME)
    if running_lab(LAB_HOME) and not (state and state["ready_after_s"]):
        raise LabError("the lab is starting at this moment", "sleep 5; ./lab restart")
    if not state:
        raise LabError("no lab is up here", "./lab up")
    return state


def status() -> None:
    """Print what runs: process, pid, how long, address."""
    state = read_state(LAB_HOME)
    if not state:
        if left := leftovers(LAB_HOME):
            raise LabError(f"a killed lab has left {', '.join(left)}", "./lab down")
        raise LabError("no lab is up here", "./lab up")
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "pid", "up for", "where"):
        table.add_column(heading)
    if state["embedded"]:
        table.add_row("broker", *_row(ProcessId(*state["embedded"]), state["broker"]))
    else:
        table.add_row("broker", "", "", f"{state['broker']} (from REDIS_URL)")
    for child in state["children"]:
        where = state.get(child["kind"]) or ""
        table.add_row(
            child["name"], *_row(process_of(child), where, state["given_up"].get(child["name"], ""))
        )
    for child in state["leaving"]:
        if not process_of(child).running():
            continue
        table.add_row(child["name"], str(child["pid"]), "", "finishes its tasks, then ends")
    Console(highlight=False).print(table)
    if not state["ready_after_s"]:
        click.echo("it is starting")
    reload = state["reload"]
    reasons = {given_up_hint(why, reload=reload): why for why in state["given_up"].values()}
    for why in reasons.values():  # each hint once
        click.echo(f"\nhint: {given_up_hint(why, reload=reload)}")
    embedded = [ProcessId(*state["embedded"])] if state["embedded"] else []
    processes = embedded + [process_of(child) for child in state["children"]]
    if pids := " ".join(one.group_pids() for one in processes if one.stopped()):
        click.echo(f"\nhint: kill -CONT {pids}")
    if state["refused"] and processes_of(state, "worker"):
        click.echo(f"the workers run older code, because: {state['refused']['why']}")


def _row(process: ProcessId, where: str, given_up: str = "") -> tuple[str, str, str]:
    """Pid, age, and where it is; or why it does nothing."""
    if given_up:
        return "", "", f"out: {given_up}"
    age = f"{time.time() - process.started:.0f} s" if process.running() else "ended"
    return str(process.pid), age, STOPPED if process.stopped() else where
