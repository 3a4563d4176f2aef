"""A broker of a lesson's own: it stops, dies, comes back with its data, and leaves nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from lab_home import ROOT
from labkit.own.broker import own_broker
from labkit.own.workers import own_worker
from labkit.processes.records import end_leftovers
from labkit.waiting import wait_until


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LAB_HOME for one test."""
    for module in ("own.broker", "own.program"):
        monkeypatch.setattr(f"labkit.{module}.LAB_HOME", tmp_path)
    return tmp_path


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_it_comes_back_with_its_data_at_the_same_address(end):
    with own_broker("mine") as broker:
        address = broker.address()
        with broker.client() as client:
            client.set("key", "value")
            client.waitaof(1, 0, 2000)  # the line is on the disk
        getattr(broker, end)()
        assert not broker.running()
        broker.restart()
        assert broker.address() == address
        with broker.client() as client:
            assert client.get("key") == "value"


def test_nothing_is_left_after_the_block(home):
    with own_broker("mine") as broker:
        pid = broker.identity.pid
        assert list(home.glob("temporary/mine-*/redis"))
    assert not psutil.pid_exists(pid)
    assert not list(home.glob("temporary/*")) and not list(home.glob("processes/*"))


def test_its_password_is_in_no_process_list_and_a_stranger_is_refused():
    with own_broker("mine") as broker:
        password = broker.address().split(":")[2].partition("@")[0]
        assert password not in " ".join(psutil.Process(broker.identity.pid).cmdline())
        stranger = redis.Redis(port=int(broker.address().rpartition(":")[2].partition("/")[0]))
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_worker_can_be_started_on_a_broker_that_came_back():
    with own_broker("mine") as broker:
        for _ in range(2):
            with own_worker("again", ["q"], environment=broker.environment(), show=False):
                pass
            broker.stop()
            broker.restart()


LESSON = """
import sys
from pathlib import Path
import labkit.own.broker as own_broker
own_broker.LAB_HOME = Path(sys.argv[1])
with own_broker.own_broker("killed") as broker:
    print(broker.identity.pid, flush=True)
    sys.stdin.read()
"""


def test_a_killed_lesson_leaves_its_broker_to_the_next_start(home):
    lab_file = home / "broker"
    lab_file.write_text("the running lab's own")
    lesson = subprocess.Popen(
        [sys.executable, "-c", LESSON, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with lesson:
        assert lesson.stdout
        server = psutil.Process(int(lesson.stdout.readline()))
        lesson.send_signal(signal.SIGKILL)
        lesson.wait()
        assert server.is_running()
    end_leftovers(home)
    assert wait_until(lambda: not server.is_running() or server.status() == "zombie", 5)
    assert not list(home.glob("temporary/*"))
    assert lab_file.exists()
