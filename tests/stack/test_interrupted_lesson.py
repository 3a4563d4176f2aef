"""Ctrl-C in the middle of a lesson that has workers and sent tasks of its own."""

import signal
import subprocess
import sys

from labkit.broker.check import client_for
from tests.stack.helpers.labs import ROOT, wait_until


def test_ctrl_c_ends_a_lesson_with_its_workers_and_queues_and_without_a_traceback(lean_lab):
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", "run", "09"],
        cwd=ROOT,
        env=lean_lab.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    log = lean_lab.home / "logs" / "lesson09a.log"
    wait_until(lambda: log.exists() and "succeeded" in log.read_text(), what="a job was done")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "stopped the worker lesson09a@" in output
    assert "Traceback" not in output
    url = lean_lab.python("from lab_home import REDIS_URL; print(REDIS_URL)")
    with client_for(url) as client:
        assert client.keys("lesson09*") == []
    assert list((lean_lab.home / "files" / "ledgers").glob("lesson09*")) == []
