"""What a person sees in the terminal of `./lab up` while tasks run."""

import re

from tests.stack.helpers.labs import wait_until

SEND = """
from tasks.basic_tasks import add, divide
print(divide.delay(1, 0).id)
print(add.delay(4, 5).get(timeout=10))
"""
SENT_BY_BEAT = "Scheduler: Sending due task"


def test_a_task_is_a_row_each_and_an_error_no_traceback(shared_lab):
    task_id = shared_lab.python(SEND).split()[0]
    wait_until(lambda: "ZeroDivisionError: " in shared_lab.printed(), what="the error is shown")
    # The two run side by side: either may end first.
    sum_row = re.compile(r"^lab1   \| add\[\S{36}\] succeeded in 0\.\d{3} s: 9\n", re.M)
    wait_until(lambda: sum_row.search(shared_lab.printed()), what="the sum is shown")
    printed = shared_lab.printed()
    assert f"lab1   | divide[{task_id}] received\n" in printed
    error = "raised unexpected: ZeroDivisionError('division by zero')\n"
    assert f"lab1   | ERROR divide[{task_id}] {error}" in printed
    assert "lab1   | ZeroDivisionError: division by zero\n" in printed
    assert "Traceback" not in printed
    log = (shared_lab.home / "logs" / "lab1.log").read_text()
    assert "Traceback" in log
    assert f"Task tasks.basic_tasks.divide[{task_id}] raised" in log


def test_what_beat_sends_is_told_by_the_worker_alone(shared_lab):
    log = shared_lab.home / "logs" / "beat.log"
    wait_until(lambda: SENT_BY_BEAT in log.read_text(), 60, "Beat sends every 30 s")
    wait_until(lambda: "lab1   | periodic_task[" in shared_lab.printed(), what="it was received")
    assert SENT_BY_BEAT not in shared_lab.printed()
