"""`./lab matrix` for real: its numbers are those of the page, and it leaves nothing behind."""

import fcntl
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from labkit.errors import LabError
from labkit.matrix.cells import Cell
from labkit.matrix.one_cell import measure
from labkit.matrix.page import PAGE, PICTURE
from labkit.own.broker import OwnBroker
from tests.stack import test_disasters
from tests.stack.helpers.labs import ROOT, Lab, wait_until

LONGEST_S = 600  # it takes about 90 s; the rest is for a busy machine
STOPPED = "stopped the cells that ran, their workers and their brokers"
small_disk = test_disasters.small_disk  # a fixture


@pytest.mark.timeout(LONGEST_S + 60)
def test_each_failure_costs_what_the_page_says(lab: Lab):
    before = [(ROOT / name).read_bytes() for name in (PAGE, PICTURE)]
    done = lab.run("matrix", "--check", timeout_s=LONGEST_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"all 16 cells are as {PAGE} says\n")
    assert [(ROOT / name).read_bytes() for name in (PAGE, PICTURE)] == before
    assert left_in(lab.home) == []


def test_ctrl_c_ends_all_workers_and_brokers(lab: Lab):
    running = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", "matrix", "--check"],
        cwd=ROOT,
        env=lab.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with running:
        wait_until(lambda: len(workers_below(running.pid)) == 4, 60, "4 workers run")
        seen = psutil.Process(running.pid).children(recursive=True)
        assert len(seen) > 8  # a cell, its broker, its worker, four times
        running.send_signal(signal.SIGINT)
        printed, said = running.communicate(timeout=60)
    assert (running.returncode, printed) == (130, "")
    assert said.strip() == STOPPED
    assert [one for one in seen if one.is_running() and one.status() != "zombie"] == []
    assert left_in(lab.home) == []


def workers_below(pid: int) -> list[psutil.Process]:
    """The workers (not their pools) of the cells of a running matrix."""
    cells = psutil.Process(pid).children()
    return [one for cell in cells for one in cell.children() if "worker" in one.cmdline()]


def left_in(home: Path) -> list[Path]:
    """Files of a lab but for its logs, and its locks, which are empty."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path for path in files if not {"logs", "locks"} & set(path.parts)]


def test_a_broker_that_does_not_come_back_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for module in ("own.broker", "own.program"):
        monkeypatch.setattr(f"labkit.{module}.LAB_HOME", tmp_path)
    monkeypatch.setattr("labkit.own.ledgers.LAB_FILES", tmp_path / "files")
    monkeypatch.setenv("LAB_FILES", str(tmp_path / "files"))  # for the worker
    come_back = OwnBroker.restart

    def find_the_port_taken(broker: OwnBroker) -> None:
        with socket.create_server(("127.0.0.1", urlsplit(broker.address()).port or 0)):
            come_back(broker)

    monkeypatch.setattr(OwnBroker, "restart", find_the_port_taken)
    before = set(psutil.Process().children(recursive=True))  # of other tests' labs
    with pytest.raises(LabError, match=r"broker did not come back\n\nhint: tail "):
        measure(Cell("broker restarted", "early"))
    assert set(psutil.Process().children(recursive=True)) <= before
    assert left_in(tmp_path) == []


def test_a_second_matrix_waits_its_turn(lab: Lab):
    (lab.home / "locks").mkdir(parents=True)
    with (lab.home / "locks/matrix").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = lab.run("matrix")
    assert done.returncode == 1
    assert done.stderr == (
        "error: the matrix runs in another terminal at this moment; it can run here when that has "
        "ended\n\nhint: ./lab matrix\n"
    )


def test_a_full_disk_is_said_in_one_sentence_and_nothing_is_left(lab: Lab, small_disk: Path):
    test_disasters.fill(small_disk)
    done = lab.run("matrix", LAB_FILES=str(small_disk / "files"))
    assert done.returncode == 1
    stopped, sentence, empty, hint = done.stderr.splitlines()
    assert stopped == STOPPED
    assert (sentence, empty, hint) == (
        f"error: the disk is full: {small_disk / 'files'}",
        "",
        f"hint: df -h {small_disk / 'files'}",
    )
    assert left_in(lab.home) == []
