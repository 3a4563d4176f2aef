"""What cannot be read is said, and the rest is shown: the search, the monitor, the doctor."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import redis

from lab_home import ROOT
from labkit.broker.messages import JSON
from labkit.broker.queues import find_unacked, lengths, unacked_by_queue
from labkit.broker.search import find_queued
from labkit.broker.set_aside import SET_ASIDE
from labkit.broker.unread import Trouble, trouble, unread_waiting
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.odd_messages import ENDING, ODD, TASK, around, envelope, headers
from tests.stack.helpers.patient import Patient, patient
from tests.stack.helpers.stored import stored_result, stored_status

__all__ = ["patient"]

FOUND = [kind for kind in ODD if kind not in {"no id", "an empty object", "garbage", "a list"}]
FOUND.remove("too many brackets")
UNREADABLE = ("no task", "no id", "an empty object", "garbage", "a list", "too many brackets")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """A broker without workers, for this module's tests; each uses queues of its own."""
    one = Patient(tmp_path_factory.mktemp("odd"))
    yield one
    one.close()


@pytest.mark.parametrize("kind", FOUND)
def test_an_odd_message_is_found_by_its_id_as_far_as_it_can_be_read(broker, kind):
    task_id, queue = str(uuid.uuid4()), f"found {kind}"
    broker.client.lpush(queue, ODD[kind](task_id))
    broker.client.hset("unacked", kind, json.dumps([json.loads(ODD[kind](task_id)), "", queue]))
    message = find_queued(broker.client, task_id, [queue]).message
    taken = find_unacked(broker.client, task_id).found
    assert message
    assert message.task == ("" if kind == "no task" else TASK)
    assert message.protocol == (1 if kind.startswith("protocol 1") else 2)
    assert taken
    assert (taken.queue, taken.message.headers) == (queue, message.headers)


def test_messages_that_cannot_be_read_are_counted_and_hide_no_other(broker):
    sought = broker.send("add", 1, 1, queue="mixed")
    for kind in UNREADABLE:
        broker.client.lpush("mixed", ODD[kind](str(uuid.uuid4())))
    search = find_queued(broker.client, str(uuid.uuid4()), ["mixed"])
    assert (search.looked_at, search.total, search.unreadable) == (7, 7, len(UNREADABLE))
    assert find_queued(broker.client, sought.id, ["mixed"]).message


def test_a_queue_with_a_message_that_a_worker_would_lose_is_told(broker):
    broker.client.lpush("jobs", "garbage", ODD["an eta that is no time"](str(uuid.uuid4())))
    broker.send("add", 1, 1, queue="one odd")
    broker.client.lpush("one odd", "garbage")
    by_queue = lengths(broker.client, ["jobs", "one odd", "empty"])
    assert set(unread_waiting(broker.client, by_queue)) == {"jobs", "one odd"}


def test_a_queue_ends_workers_also_where_that_message_is_not_the_first_odd_one(broker):
    thrown_away = [ODD["an eta that is no time"](str(uuid.uuid4())) for _ in range(2)]
    broker.client.lpush("harmless", *thrown_away)
    broker.client.lpush("ending", *thrown_away, "garbage")
    by_queue = lengths(broker.client, ["harmless", "ending"])
    said = unread_waiting(broker.client, by_queue)
    assert {queue: one.ends for queue, one in said.items()} == {"harmless": False, "ending": True}


def test_taken_messages_that_cannot_be_read_are_counted(patient):
    odd = ["garbage", "[]", "5", "null", '[{}, "", null]', '[{}, "", "basic"]', '["x", "", []]']
    patient.client.hset("unacked", mapping={str(one): text for one, text in enumerate(odd)})
    search = find_unacked(patient.client, str(uuid.uuid4()))
    assert (search.looked_at, search.total, search.unreadable) == (7, 7, 7)
    assert unacked_by_queue(patient.client) == {"": 7}


def test_the_monitor_and_the_doctor_show_the_rest(patient):
    patient.send("add", 1, 1, queue="realworld")
    for kind in ODD:
        patient.client.lpush("basic", ODD[kind](str(uuid.uuid4())))
    patient.client.hset("unacked", "tag", "garbage")
    patient.client.set("advanced", "a text, and no list")
    redis.Redis.from_url(patient.url).lpush(b"caf\xe9", "x")
    patient.client.lpush("steer\x1b[31m", "x")

    seen = json.loads(patient.run("monitor.py", "--json").text)
    assert {name: one["queued"] for name, one in seen["queues"].items()} == {
        "basic": len(ODD),
        "advanced": 0,
        "realworld": 1,
        "steer\x1b[31m": 1,
    }
    assert seen["unacked"] == 1
    assert seen["unread"] == [
        "the name of 1 queue is no UTF-8: not counted here",
        "the key 'advanced' holds a string, where messages belong: it cannot be read",
        "7 of the next 10 messages in the queue 'basic' cannot be run; the first: content type "
        "'application/x-python-serialize' is not accepted, and the worker that takes it throws it "
        "away",
        "the one message in the queue 'steer\\x1b[31m' cannot be run: it is no JSON, and the "
        "worker that takes it ends",
        "1 message that workers took cannot be read",
    ]

    table = patient.run("monitor.py", "--once", COLUMNS="80")
    assert (table.code, table.errors) == (0, "")
    assert "where messages belong" in table.text
    assert "\x1b" not in table.text
    assert max(len(line) for line in table.text.splitlines()) <= 80

    doctor = patient.doctor()
    assert (doctor.code, doctor.errors) == (1, "")
    said = [one for one in seen["unread"] if not one.startswith("the name of")]
    assert len(said) == 4
    assert all(sentence in doctor.text for sentence in said)


def test_keys_of_another_type_are_no_end_of_the_monitor(patient):
    patient.client.set("unacked", "x")
    patient.client.set("unacked_index", "x")
    answer = patient.run("monitor.py", "--once")
    assert (answer.code, answer.errors) == (0, "")
    assert "the key 'unacked' holds a string" in answer.text
    assert find_unacked(patient.client, str(uuid.uuid4())).total == 0


def told(raw: str) -> str:
    """What is said of a waiting message; "" for one that a worker can run."""
    said = trouble(raw)
    return said.sentence if said else ""


def test_what_is_said_of_a_message_is_what_its_worker_does(patient):
    """One worker and one queue for each kind, because these end, or do nothing else any more."""
    said = {kind: told(ODD[kind](str(uuid.uuid4()))) for kind in ODD}
    assert [kind for kind, text in said.items() if not text] == [
        "protocol 1",
        "protocol 1 with an eta",
        "an eta at the end of time",
        "retries that are no number",
    ]
    ends = ("garbage", "a list", "a body of another form", "a timelimit that is no pair")
    assert all(said[kind].endswith(("worker that takes it ends",)) for kind in ends)
    thrown = [kind for kind in ODD if said[kind].endswith("throws it away")]
    assert len(thrown) == 6

    options = ("--concurrency=1", "--without-mingle", "--without-gossip")
    ended = ("garbage", "rot13", "form", "limit", "name", "empty")
    with ExitStack() as running:
        *ending, no_id, fine = [
            running.enter_context(patient.worker(name, *options, queue=name))
            for name in (*ended, "no-id", "fine")
        ]
        ids = {kind: str(uuid.uuid4()) for kind in thrown}
        for kind in thrown:
            patient.client.lpush("fine", ODD[kind](ids[kind]))
        patient.client.lpush("garbage", ODD["garbage"](""))
        for queue, kind in {
            "form": "a body of another form",
            "limit": "a timelimit that is no pair",
            "no-id": "no id",
        }.items():
            patient.client.lpush(queue, ODD[kind]("1").replace('"basic"', f'"{queue}"'))
        name_text = envelope(headers("1", task=["a"]), queue="name")
        assert told(name_text).endswith("worker that takes it ends")
        patient.client.lpush("name", name_text)
        patient.client.lpush("empty", around("empty", body=None))
        patient.client.lpush("rot13", around("rot13", body_encoding="rot13"))
        patient.client.lpush("fine", around("fine", delivery_info=None))
        after = patient.send("add", 4, 5, queue="fine")
        patient.wait_for_state(after, "SUCCESS")
        assert not any(find_unacked(patient.client, ids[kind]).found for kind in thrown)
        assert fine.log.read_text().count("Connection to broker lost") == 1
        wait_until(
            lambda: None not in [one.process.poll() for one in ending], what="their workers end"
        )
        wait_until(lambda: no_id.log.read_text().count("(KeyError('id'))") > 1, what="again")
        assert (no_id.process.poll(), fine.process.poll()) == (None, None)
    for queue in ("form", "limit", "name", "empty"):
        assert patient.client.llen(queue) == 1  # for the next worker
    for queue in ("garbage", "rot13", "fine"):
        assert patient.client.llen(queue) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": "%%%%"}, "its body is empty, and each worker that takes it ends"),
        ({"body": "abc"}, "its body is no base64, and the worker that takes it ends"),
        ({"content_type": None}, "it names no content type, and each worker that takes it ends"),
        ({"content_encoding": 5}, "its content-encoding is no text, and each worker that takes"),
        ({"delivery_tag": None}, "its delivery tag is no text, and the worker that takes it ends"),
        ({"delivery_info": 5}, "its delivery_info is no object, and the worker that takes it ends"),
        ({"delivery_info": {}}, "it does not say its queue (delivery_info), and the worker that"),
        ({"delivery_tag": 5, "content_encoding": None, "priority": "x"}, ""),  # a worker runs it
    ],
)
def test_what_is_said_of_what_is_around_the_headers(changes, said):
    """Each was tried by hand, with workers that are started again."""
    text = told(around(**changes))
    assert text.startswith(said) if said else text == ""


def test_the_hint_for_messages_that_end_workers_lives_with_them(patient):
    for kind in ("eta: an empty text", "no id"):
        patient.client.lpush("basic", ENDING[kind](str(uuid.uuid4())))
    patient.client.lpush("basic", "garbage, not json")
    after = patient.send("add", 4, 5)
    text = patient.doctor().text
    assert "no worker is connected, and 4 messages wait for one; one of the messages ends" in text
    hint = text.partition("hint: ")[2].partition("\n")[0]
    times = 0
    while stored_status(patient.client, after.id) != "SUCCESS":
        times += 1
        with subprocess.Popen(
            ["bash", "-c", hint],
            cwd=ROOT,
            env=patient.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as typed:
            wait_until(lambda: typed.poll() or stored_result(patient.client, after.id), what="end")
            if typed.poll() is None:
                os.killpg(typed.pid, signal.SIGTERM)
    assert patient.client.hlen(SET_ASIDE) == 2
    assert times == 4  # garbage ends one worker, eta="" two; no id makes the last one reconnect


@pytest.mark.parametrize("kind", [kind for kind in ENDING if not kind.startswith("arguments")])
def test_what_ends_a_worker_is_told_as_such(kind):
    """test_set_aside.py has workers that take each of them."""
    said = trouble(ENDING[kind](str(uuid.uuid4())))
    assert said
    assert said.ends
    ends = ("and each worker that takes it ends", "connects anew, again and again")
    assert said.sentence.endswith(ends)


def test_what_only_looks_as_if_it_ended_a_worker_is_not_told_as_such():
    for said in (
        {"timelimit": 0},
        {"timelimit": ["x", None]},  # and no limit is kept
        {"timelimit": [None, "5"]},
        {"timelimit": "12"},
        {"stamped_headers": "abc"},
    ):
        assert not trouble(envelope(headers("1", **said)))
    no_id = trouble(envelope(headers("1", id=None)))
    assert no_id == Trouble("it names no id, and no worker can store what becomes of it")


def test_a_type_that_the_workers_accept_is_not_refused():
    pickled = ODD["pickle"](str(uuid.uuid4()))
    assert trouble(pickled, {JSON})
    assert not trouble(pickled, {JSON, "application/x-python-serialize"})
