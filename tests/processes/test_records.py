"""What the lab writes down about its processes, and what it prints; no broker needed."""

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from labkit.errors import LabError
from labkit.processes.files import FOR_ITS_OWNER, replace_file
from labkit.processes.identity import ProcessId
from labkit.processes.records import ProcessRecord, end_leftovers, folder_for_a_while
from labkit.processes.running_lab import read_state, running_lab, take_home, write_state
from labkit.stack.children import Child, fresh_log
from labkit.stack.console import COLOURS, Console

DEAD_LEADER = "import os, sys; os.fork() or (print(flush=True), sys.stdin.read()); os._exit(0)"


@pytest.fixture
def orphan():
    """A process whose group leader has ended, as a daemon or `(job &)` leaves one."""
    process = subprocess.Popen(
        [sys.executable, "-c", DEAD_LEADER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    leader = ProcessId.of(process.pid)
    with process:
        assert process.stdout
        process.stdout.readline()
        process.wait()
        yield leader


def test_what_a_dead_leader_left_is_found(orphan):
    assert len(orphan.group()) == 1


def test_a_group_is_not_ours_if_the_machine_was_started_since(orphan):
    before_the_boot = ProcessId(orphan.pid, psutil.Process(1).create_time() - 3600)
    assert before_the_boot.group() == []


def test_leftovers_of_an_earlier_boot_are_forgotten_and_nobody_is_ended(orphan, tmp_path):
    boot = psutil.Process(1).create_time()
    record = tmp_path / "processes" / "1.json"
    record.parent.mkdir()
    children = {f"lab1 {orphan.pid}": [orphan.pid, boot - 3600]}
    record.write_text(json.dumps({"writer": [1, boot - 7200], "children": children}))
    assert end_leftovers(tmp_path) == []
    assert not record.exists()
    assert len(orphan.group()) == 1


def test_a_full_disk_does_not_keep_an_ended_process_from_being_struck_out(tmp_path, monkeypatch):
    record = ProcessRecord(tmp_path)
    ours, other = ProcessId.of(os.getpid()), ProcessId.of(os.getppid())
    record.add("one", ours)
    record.add("two", other)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    record.remove(ours)
    record.remove(other)
    assert not record.path.exists()


def test_a_file_is_for_its_owner_alone_from_its_first_moment(tmp_path, monkeypatch):
    opened, modes = os.fdopen, []

    def seen(descriptor, *how, **more):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return opened(descriptor, *how, **more)

    monkeypatch.setattr(os, "fdopen", seen)
    replace_file(tmp_path / "broker", "a password", FOR_ITS_OWNER)
    assert modes == [0o600]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "home").write_text("a file")
    with (
        pytest.raises(LabError, match=r"^error: the lab cannot write its files: "),
        folder_for_a_while(tmp_path / "home", "mine"),
    ):
        pytest.fail("there is no such folder")


def test_a_child_is_ended_also_after_a_step_of_the_clock(tmp_path):
    child = Child("worker", "lab1", ["sleep", "60"], fresh_log(tmp_path, "lab1"), {})
    child.start()
    child.identity = ProcessId(child.identity.pid, child.identity.started - 3600)
    assert not child.identity.running()
    child.kill()
    assert not child.running()


def test_the_state_of_a_killed_lab_is_gone_once_another_holds_the_lock(tmp_path):
    write_state(tmp_path, {"launcher": os.getpid(), "ready_after_s": 1.0})
    with take_home(tmp_path) as lock:
        assert lock.held()
        assert read_state(tmp_path) is None


def test_a_lock_names_its_holder_and_a_copy_of_its_file_names_nobody(tmp_path):
    with take_home(tmp_path):
        (tmp_path / "copy").mkdir()
        shutil.copy(tmp_path / "lock", tmp_path / "copy/lock")
        assert running_lab(tmp_path) == ProcessId.of(os.getpid())
        assert running_lab(tmp_path / "copy") is None
        with pytest.raises(LabError, match=rf"already up here \(process {os.getpid()}\)"):
            take_home(tmp_path)
    assert running_lab(tmp_path) is None


def test_every_process_keeps_a_colour_of_its_own(monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr("click.echo", lines.append)
    console = Console()
    for name in ("lab1", "lab1", "lab2", "lab1", "beat", "flower", "lab2"):
        console.log_line(name, "text")
    prefixes = {line.partition("|")[0] for line in lines}
    assert len(prefixes) == 4
    assert len({prefix[: prefix.index("m")] for prefix in prefixes}) == 4 <= len(COLOURS)


def test_a_terminal_that_is_not_utf8_still_gets_its_lines(monkeypatch):
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(screen, encoding="latin-1"))
    Console().log_line("lab1", "subject 欢迎 sent")
    sys.stdout.flush()
    assert screen.getvalue() == b"lab1   | subject ?? sent\n"


def test_nohup_is_respected():
    code = "from labkit.processes.signals import clean_up_on_signals as c; c();"
    code += " print('ready', flush=True)"
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", f"{code}; input(); print('still here')"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate("\n", timeout=10)[0] == "still here\n"
