"""Files and tables that several processes use, of which some are killed: all stays whole."""

import multiprocessing
import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import inspect

from lab_home import ROOT
from work.database.engine import create_tables, engine_for
from work.database.schema import metadata
from work.files import WRITING
from work.ledger import Ledger
from work.mail.mailbox import MailboxBusy, held_mailbox
from work.orders.charges import Charges

SPAWN = multiprocessing.get_context("spawn")
FROM_ANYWHERE = os.environ | {"PYTHONPATH": str(ROOT)}


def _write_lines(folder, job):
    ledger = Ledger(folder, "run")
    for _ in range(200):
        ledger.note("END", job)


def test_lines_of_several_processes_do_not_mix(tmp_path):
    processes = [
        SPAWN.Process(target=_write_lines, args=(tmp_path, job)) for job in ("a" * 50, "b" * 3000)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    jobs = [entry.job for entry in Ledger(tmp_path, "run").entries()]
    assert sorted(jobs) == sorted(["a" * 50] * 200 + ["b" * 3000] * 200)


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from work.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), "run")
print(flush=True)
while True:
    ledger.note("START", "x" * 2000)
"""


def test_writers_that_are_killed_leave_whole_lines_and_no_lock(tmp_path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)],
            stdout=subprocess.PIPE,
            env=FROM_ANYWHERE,
        )
        for _ in range(2)
    ]
    for writer in writers:
        with writer:
            assert writer.stdout
            writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
    ledger = Ledger(tmp_path, "run")
    before = len(ledger.entries())
    ledger.note("END", "TL-1")
    assert len(ledger.entries()) == before + 1


def make_tables(url: str) -> None:
    create_tables(engine_for(url))


def assert_that_processes_find_the_tables(url: str) -> None:
    """Six that start at the same moment make the tables that are missing, and fail nowhere."""
    processes = [SPAWN.Process(target=make_tables, args=(url,)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert set(inspect(engine_for(url)).get_table_names()) == set(metadata.tables)


def test_processes_that_start_at_the_same_moment_all_find_the_tables(tmp_path):
    assert_that_processes_find_the_tables(f"sqlite:///{tmp_path}/a folder/shop.sqlite")


def hold_until_killed(folder, ready):
    with held_mailbox("ada@example.com", folder):
        ready.set()
        signal.pause()


def test_a_killed_holder_leaves_no_mailbox_locked(tmp_path):
    ready = SPAWN.Event()
    holder = SPAWN.Process(target=hold_until_killed, args=(tmp_path, ready))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(MailboxBusy), held_mailbox("ada@example.com", tmp_path, wait_s=0):
            pass
    finally:
        assert holder.pid
        os.kill(holder.pid, signal.SIGKILL)
        holder.join()
    with held_mailbox("ada@example.com", tmp_path, wait_s=0):
        pass


KILLED_BETWEEN = """
import os, signal, sys
from pathlib import Path
from work.orders.charges import Charges
with Charges(Path(sys.argv[1]), "run")._transaction() as database:
    database.execute("INSERT OR IGNORE INTO keys VALUES ('pay-TL-1')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_between_key_and_charge_leaves_neither(tmp_path):
    charges = Charges(tmp_path, "run")
    charges.create()
    command = [sys.executable, "-c", KILLED_BETWEEN, str(tmp_path)]
    killed = subprocess.run(command, env=FROM_ANYWHERE, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert charges.orders() == []
    assert charges.charge_once("pay-TL-1", "TL-1", 1) is True


KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from work.flights import exports
from work.flights.sample_flights import flight_dicts

def rows():
    for number, row in enumerate(flight_dicts(2000, "XA")):
        if number == 1500:
            os.kill(os.getpid(), signal.SIGKILL)
        yield row

exports.write(rows(), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("before", [None, "old"])
def test_a_kill_in_the_middle_leaves_what_was_there_before(tmp_path, before):
    target = tmp_path / "north.csv"
    if before:
        target.write_text(before)
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, str(target)]
    done = subprocess.run(command, env=FROM_ANYWHERE, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (target.read_text() if target.exists() else None) == before
    (half,) = tmp_path.glob(f"{WRITING}*")
    assert half.stat().st_size > 0
