"""docs/what-happens.md tells the truth: its tables against a new MONITOR trace of a real worker."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator

import pytest
import redis

from labkit.broker.server import EmbeddedBroker
from tests.stack.helpers.labs import LEAN, ROOT, Lab, lab_environment, wait_until

PAGE = (ROOT / "docs/what-happens.md").read_text(encoding="utf-8")
ADD = "from tasks.basic_tasks import add; r = add.delay(4, 5); r.get(timeout=10); print(r.id)"
ASK = """
from tasks.basic_tasks import ask_until_ready
result = ask_until_ready.delay(3, wait_s=2)
assert result.get(timeout=20) == "answered at attempt 3"
print(result.id)
"""
HOLD = "from tasks.basic_tasks import add; add.apply_async((4, 5), countdown=600)"


class Trace:
    """What one server is asked, as MONITOR shows it, from here to stop()."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.commands: list[str] = []
        self._monitor = self.client.monitor()
        self._monitor.__enter__()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for line in self._monitor.listen():
            if line["command"] == "ECHO end":
                return
            self.commands.append(line["command"])

    def stop(self) -> list[str]:
        self.client.echo("end")
        self._thread.join(10)
        self._monitor.__exit__(None, None, None)
        self.client.close()
        return self.commands


@pytest.fixture
def lean_lab(lab: Lab) -> Lab:
    """A broker and the worker lab1, and nobody else who talks to the broker."""
    return lab.up(*LEAN)


def traced(lab: Lab, code: str) -> list[str]:
    """What Redis saw while this code ran; the id of its task is written as ID."""
    trace = Trace(lab.broker_url())
    wait_until(lambda: any(one.startswith("BRPOP") for one in trace.commands), what="BRPOP")
    task_id = lab.python(code)
    wait_until(lambda: not trace.client.exists("unacked"), what="acknowledged")
    return [command.replace(task_id, "ID") for command in trace.stop()]


def rows(section: int) -> Iterator[tuple[str, str]]:
    """(who, command) of each command in the table of a section, in its order."""
    for row in re.findall(rf"^\| {section}\.\d \|(.*)\|$", PAGE, re.MULTILINE):
        cells = row.split("|")
        who, commands = ("you", cells[0]) if section == 1 else (cells[0].strip(), cells[1])
        for command in re.findall("`(.+?)`", commands):
            if command != "1":
                yield who, command


def assert_in_order(section: int, seen: list[str]) -> None:
    """Every command of the section's table was seen, each party's in the order of the table."""
    told = list(rows(section))
    assert len(told) > 4
    at: dict[str, int] = {}
    for who, command in told:
        places = range(at.get(who, -1) + 1, len(seen))
        found = next((place for place in places if seen[place].startswith(command)), None)
        assert found is not None, f"{who}: no {command!r} after {at.get(who)} in {seen}"
        at[who] = found


def test_sections_1_and_2_show_what_a_task_does_in_redis(lean_lab):
    seen = traced(lean_lab, ADD)
    assert_in_order(1, seen)
    assert_in_order(2, seen)


def test_section_3_shows_what_a_retry_does_in_redis(lean_lab):
    seen = traced(lean_lab, ASK)
    first_start = next(at for at, command in enumerate(seen) if command.startswith("ZREM"))
    assert_in_order(3, seen[first_start:])
    messages = [
        json.loads(one.removeprefix("LPUSH basic ")) for one in seen if "LPUSH basic" in one
    ]
    assert [one["headers"]["retries"] for one in messages] == [0, 1, 2]
    assert {one["headers"]["id"] for one in messages} == {"ID"}
    assert len({one["properties"]["delivery_tag"] for one in messages}) == 3


@pytest.mark.parametrize(("hold", "exit_code"), [(True, 1), (False, None)])
def test_section_5_a_worker_that_holds_a_message_ends_with_its_broker(tmp_path, hold, exit_code):
    """When the first of these two fails, celery or kombu has been mended: change the page."""
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    environment = lab_environment(tmp_path, REDIS_URL=broker.url)
    log = tmp_path / "worker.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            ["./start_worker.sh", "-n", "lab1@%h", "--concurrency=1"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: " ready." in log.read_text(), what="ready")
        if hold:
            Lab(tmp_path, REDIS_URL=broker.url).python(HOLD)
            wait_until(lambda: " received" in log.read_text(), what="received")
        broker.stop()
        wait_until(lambda: "Connection to broker lost" in log.read_text(), what="noticed")
        expected = "Unrecoverable error: AttributeError" if hold else "Trying again in"
        wait_until(lambda: expected in log.read_text(), what=expected)
        if exit_code is not None:
            assert worker.wait(20) == exit_code
        assert worker.poll() == exit_code
        assert expected in PAGE or not hold
    finally:
        broker.stop()
        worker.terminate()
        worker.wait(20)
