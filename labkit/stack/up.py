"""`./lab up`, from outside: the lock, the broker, the supervisor, and no trace when it ends."""

import asyncio
import os
import signal
import time

from lab_home import LAB_HOME
from labkit.broker.check import check_redis, mark_as_ours
from labkit.broker.server import EmbeddedBroker, write_broker_file
from labkit.processes.records import end_leftovers, record_of_this_process
from labkit.processes.running_lab import STATE_FILE, remove_address_files, take_home
from labkit.processes.signals import clean_up_on_signals, end_by_signal, signals_held_back
from labkit.stack.console import Console
from labkit.stack.parts import Parts
from labkit.stack.supervisor import Plan, Supervisor


def up(plan: Plan) -> int:
    """Run the stack until it is stopped; return 0 or 1, or end by the signal that stopped it."""
    began = time.monotonic()
    clean_up_on_signals()
    given = os.environ.get("REDIS_URL")
    if given:
        check_redis(given)
    lock = take_home(LAB_HOME)
    console = Console(verbose=plan.verbose)
    for name in end_leftovers(LAB_HOME):
        console.say(f"ended what a killed lab had left: {name}")
    remove_address_files()  # of a killed lab
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
                remove_address_files()
                (LAB_HOME / STATE_FILE).unlink(missing_ok=True)
            lock.release()
    if supervisor.signals:
        console.say("stopped")
        end_by_signal(supervisor.signals[0])
    return exit_code
