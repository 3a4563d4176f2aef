"""A lesson that cannot go on says why in one sentence, cleans up, and ends with exit code 1."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from labkit.processes.identity import ProcessId
from tests.helpers.required import require
from tests.stack.helpers.labs import LEAN, Lab, wait_until

SIZE_MB = 16


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of a few megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(disk)]
    may = (
        os.geteuid() == 0 and not subprocess.run(mount, capture_output=True, check=False).returncode
    )
    require("tmpfs", may, "only root can make a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            pass


def started_lesson(lab: Lab, number: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", "run", number, "--strict"],
        cwd=lab.root,
        env=lab.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_of(lab: Lab, lesson: str) -> list[str]:
    """What still runs or lies there of a lesson; another lab's may run at the same time."""
    left = [str(path) for path in lab.home.glob(f"temporary/{lesson}*")]
    return lab.running_with(f"-n {lesson}") + left


def test_a_ledger_that_cannot_be_written(lean_lab, tmp_path):
    (tmp_path / "ledgers").write_text("a file where the folder should be")
    ended = lean_lab.run("run", "30", "--strict", LAB_FILES=str(tmp_path))
    assert ended.returncode == 1
    assert "error: the ledger lesson30-" in ended.stderr
    assert "hint: LAB_FILES=~/celery-lab-files ./lab run 30\n" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert left_of(lean_lab, "lesson30") == []


@pytest.mark.parametrize(
    ("what", "lesson"),
    [("LAB_FILES", "09"), ("LAB_HOME", "30"), ("LAB_FILES", "33"), ("LAB_FILES", "40")],
)
def test_a_disk_that_fills_up_in_the_middle(small_disk, tmp_path, what, lesson):
    homes = {"LAB_HOME": tmp_path / "home", "LAB_FILES": tmp_path / "files"} | {what: small_disk}
    lab = Lab(homes["LAB_HOME"], LAB_FILES=str(homes["LAB_FILES"]))
    run = started_lesson(lab, lesson)
    wait_until(lambda: '"START"' in ledgers(homes["LAB_FILES"]), 60, "a job runs")
    fill(small_disk)
    out, err = run.communicate(timeout=110)
    assert run.returncode == 1, out + err
    assert f"error: the disk is full: {small_disk}" in err
    assert f"hint: df -h {small_disk}" in err
    assert "Traceback" not in out + err
    assert "verdict" not in out  # nothing that was counted is true
    assert left_of(lab, f"lesson{lesson}") == []


@pytest.mark.parametrize("lesson", ["30", "40"])
def test_a_disk_that_may_only_be_read_from_now_on(small_disk, tmp_path, lesson):
    lab = Lab(tmp_path / "home", LAB_FILES=str(small_disk))
    run = started_lesson(lab, lesson)
    wait_until(lambda: '"START"' in ledgers(small_disk), 60, "a job runs")
    # The system refuses while a file is open for writing, which is for a moment at each line.
    command = ["mount", "-o", "remount,ro", str(small_disk)]
    wait_until(
        lambda: not subprocess.run(command, capture_output=True, check=False).returncode,
        20,
        "the disk can be remounted",
    )
    out, err = run.communicate(timeout=110)
    assert run.returncode == 1, out + err
    assert re.search(r"error: the ledger \S+ cannot be written: Read-only file system\n", err), err
    assert f"hint: LAB_FILES=~/celery-lab-files ./lab run {lesson}\n" in err
    assert "Traceback" not in out + err
    assert "verdict" not in out
    assert left_of(lab, f"lesson{lesson}") == []


def test_a_disk_that_fills_up_under_a_lab_that_is_up(small_disk):
    lab = Lab(small_disk / "home")
    try:
        lab.up(*LEAN)
        lab.python("from tasks.basic_tasks import nap; nap.delay(8)")
        fill(small_disk)
        with redis.Redis.from_url(lab.broker_url()) as client:
            client.set("celery_learning:filler", "x" * 200_000)  # the last bytes of a page, too
        lab.wait_for(f"the disk is full: {lab.home}")
        run, doctor = lab.run("run", "01"), lab.run("doctor", "--wait=20")
        assert (run.returncode, "Traceback" in run.stderr) == (1, False)
        assert "its disk is full\n" in run.stderr
        assert f"hint: df -h {shlex.quote(str(lab.home))}; tail" in run.stderr
        assert "its disk is full\n" in doctor.stdout
        assert lab.run("restart").stderr.startswith(f"error: the disk is full: {lab.home}\n")
        assert lab.launcher().poll() is None
        (small_disk / "filler").unlink()
        assert lab.run("restart").returncode == 0
        assert lab.python("from tasks.basic_tasks import add; print(add.delay(1, 2).get())") == "3"
    finally:
        (small_disk / "filler").unlink(missing_ok=True)
        lab.clean_up()


def ledgers(files: Path) -> str:
    return "".join(path.read_text() for path in files.glob("ledgers/*.jsonl"))


def test_a_lessons_broker_that_is_killed_by_somebody_else(lean_lab):
    run = started_lesson(lean_lab, "30")
    assert run.stdout
    for line in run.stdout:
        if "both work on TL-1" in line:
            break
    broker_of(lean_lab, "lesson30").send(signal.SIGKILL)
    out, err = run.communicate(timeout=60)  # less than a worker may take to start
    assert run.returncode == 1, out + err
    assert "error: the lesson's broker was ended by something else" in err
    assert "Traceback" not in out + err
    assert left_of(lean_lab, "lesson30") == []


def broker_of(lab: Lab, lesson: str) -> ProcessId:
    """The server whose folder is that of a lesson's own broker."""
    found = lab.home.glob(f"temporary/{lesson}-*")
    (home,) = (one for one in found if (one / "redis").is_dir())
    for one in psutil.process_iter(["name", "cwd"]):
        if "valkey" in (one.info["name"] or "") and str(home) in (one.info["cwd"] or ""):
            return ProcessId.of(one.pid)
    raise AssertionError(f"no server works in {home}")
