"""A message that ends workers is set aside after the second one, and the lab goes on."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.result import AsyncResult

from labkit.broker.set_aside import SET_ASIDE, kept_messages
from tests.stack.helpers.labs import LEAN, Lab, wait_until
from tests.stack.helpers.odd_messages import ENDING
from tests.stack.helpers.patient import Answer, patient

__all__ = ["patient"]

GOOD = 5  # after each of the twenty
SEND_BAD = 'from tasks.basic_tasks import add; print(add.apply_async((1, 2), eta="").id)'

FAULTY = """

from celery.worker.request import Request


class Counted(Request):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.counter.increment()


app.Task.Request = "celery_app:Counted"
"""


@pytest.fixture
def lab(lab_in_tree: Lab, tree: Path) -> Lab:
    """A lab that is up with four workers of one slot each: they start sooner than with four."""
    script = tree / "start_worker.sh"
    script.write_text(script.read_text().replace("--concurrency=4", "--concurrency=1"))
    return lab_in_tree.up("--workers=4", *LEAN)


@pytest.fixture
def client(lab: Lab) -> Iterator[redis.Redis]:
    """A client of its broker."""
    with redis.Redis.from_url(lab.broker_url(), decode_responses=True) as one:
        yield one


def test_an_entry_that_no_worker_wrote_is_listed_and_can_be_dropped(patient):
    def aside(*words: str) -> Answer:
        return patient.run("-m", "labkit.cli", "aside", *words)

    patient.client.hset(SET_ASIDE, mapping={"one": "garbage", "two": "{}", "three": "[1]"})
    listed = aside()
    assert listed.text.count("was not written by a worker") == 3
    assert "./lab aside back" not in listed.text  # nobody knows where to
    assert "3 messages are set aside" in patient.doctor().text
    back = aside("back", "one")
    assert (back.code, back.errors.count("does not say its queue")) == (1, 1)
    assert aside("drop", "all").text.count("thrown away: ") == 3
    assert patient.client.exists(SET_ASIDE) == 0


@pytest.mark.timeout(400)  # forty ends and starts of workers
def test_twenty_kinds_of_message_end_workers_and_the_lab_does_the_rest(lab, client):
    address = lab.broker_url()
    pushed: list[str] = []
    results: list[AsyncResult] = []
    with closing(Celery(broker=address, backend=address, set_as_current=False)) as app:
        for kind, make in ENDING.items():
            pushed.append(make(str(uuid.uuid4())))
            client.lpush("basic", pushed[-1])
            results += [
                app.send_task("tasks.basic_tasks.add", (len(results), number), queue="basic")
                for number in range(GOOD)
            ]
            wait_until(lambda: client.hlen(SET_ASIDE) == len(pushed), 90, f"{kind} is set aside")
        assert len(ENDING) == 20
        assert [one.get(timeout=60) for one in results] == [
            GOOD * (number // GOOD) + number % GOOD for number in range(100)
        ]
    assert lab.launcher().poll() is None
    assert "not started again" not in lab.printed()
    kept = kept_messages(client)
    assert [json.loads(one.taken)[0]["headers"] for one in kept] == [
        json.loads(text)["headers"] | {"redelivered": True} for text in pushed
    ]
    assert [json.loads(one.taken)[0]["body"] for one in kept] == [
        json.loads(text)["body"] for text in pushed
    ]
    assert lab.run("aside").stdout.count("ended or reconnected on it, twice") == 20


def test_one_call_of_a_learner_and_what_can_be_done_about_it(lab, client):
    task_id = lab.python(SEND_BAD)
    wait_until(lambda: client.hlen(SET_ASIDE), 60, "it is set aside")
    lab.wait_for("a message on which workers ended twice is set aside\nhint: ./lab aside\n")
    doctor = lab.run("doctor", "--wait=20", task_id)
    assert doctor.returncode == 1
    assert f"tasks.basic_tasks.add [{task_id}] is set aside since" in doctor.stdout
    assert "out of the queue 'basic': lab" in doctor.stdout
    assert "hint: ./lab aside\n" in doctor.stdout
    assert "1 message is set aside" in lab.run("doctor", "--wait=20").stdout

    assert f": ./lab aside drop {task_id}\n" in lab.run("aside").stdout
    assert lab.run("aside", "drop").stderr.startswith("error: say which message: its id, or all\n")
    back = lab.run("aside", "back", task_id)
    assert back.stdout == f"put back: {task_id}\n"
    wait_until(lambda: client.hlen(SET_ASIDE), 60, "it is set aside once more")
    other = lab.run("aside", "drop", "another")
    assert (other.returncode, other.stdout) == (2, "")
    assert other.stderr.startswith("error: no message 'another' is set aside; 1 message is\n")
    assert lab.run("aside", "drop", "all").stdout == f"thrown away: {task_id}\n"
    assert lab.run("aside").stdout == "no message is set aside\n"
    assert client.llen("basic") == 0
    assert client.hlen("unacked") == 0
    assert lab.run("doctor", "--wait=20").stdout.count("set aside") == 0


def test_bad_messages_one_after_another_are_not_the_codes_fault(lab_in_tree):
    lab = lab_in_tree.up(*LEAN)
    bad = "add.apply_async((1, 2), eta='')"
    good = "print(add.delay(4, 5).get(timeout=60))"
    line = f"from tasks.basic_tasks import add; [{bad} for _ in range(4)]; {good}"
    assert lab.python(line) == "9"
    assert "not started again" not in lab.printed()
    assert lab.run("aside").stdout.count("reconnected on it, twice") == 4


def test_a_message_that_was_set_aside_before_is_not_told_at_another_end(lab_in_tree):
    lab = lab_in_tree.up(*LEAN)
    node = f"lab1@{socket.gethostname()}"
    kept = {"worker": node, "time": time.time(), "why": "x", "before": {"worker": node}}
    with redis.Redis.from_url(lab.broker_url()) as client:
        client.hset(SET_ASIDE, "tag", json.dumps(kept | {"taken": "[]"}))
        client.lpush("basic", "garbage, not json")
    lab.wait_for("lab1 is back after")
    assert "lab1 ended with exit code 1" in lab.printed()
    assert "set aside" not in lab.printed()


def test_code_on_which_each_message_ends_a_worker_is_suspected(lab_in_tree, tree):
    with (tree / "celery_app.py").open("a") as file:
        file.write(FAULTY)
    lab = lab_in_tree.up(*LEAN)
    lab.python("from tasks.basic_tasks import add; [add.delay(1, 2) for _ in range(5)]")
    lab.wait_for("3 messages ended workers, and no task succeeded meanwhile", 90)
    assert lab.run("aside").stdout.count("reconnected on it, twice") == 3
    assert lab.run("aside", "back", "all").stdout.count("put back: ") == 3
    assert lab.launcher().poll() is None
