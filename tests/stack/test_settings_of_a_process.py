"""What docs/production-settings.md says of settings that a process of its own must show."""

import os
import subprocess
import sys

import pytest

from lab_home import ROOT

CONCURRENCY = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from celery import Celery
for value in (None, "auto"):
    worker = Celery(broker="memory://").WorkController(concurrency=value, pool_cls="prefork")
    print(worker.concurrency)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process to a processor")
def test_concurrency_is_all_processors_of_the_host_unless_it_is_auto():
    done = subprocess.run(
        [sys.executable, "-c", CONCURRENCY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(os.cpu_count()), "1"]


POOL = """
from threading import Thread
from celery import Celery
app = Celery(broker="memory://")
app.conf.broker_pool_limit = 1
app.conf.broker_pool_acquire_timeout = 0.1
other = Thread(target=app.send_task, args=("any",), daemon=True)
with app.producer_or_acquire():
    other.start()
    other.join(2)
    print(other.is_alive())
other.join(60)
print(other.is_alive())
"""


def test_who_sends_while_all_connections_of_the_pool_are_in_use_waits():
    # In a process of its own: the limit holds for every app of a process.
    done = subprocess.run(
        [sys.executable, "-c", POOL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]
