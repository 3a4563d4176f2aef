"""What labkit.broker.queues reads is what Celery wrote, and its cost is what it promises."""

import json
import threading
import time
import uuid
from typing import Any

import pytest
import redis
from kombu import Exchange, Producer, Queue

from labkit.broker.queues import (
    decode_message,
    find_unacked,
    lengths,
    list_name,
    listeners,
    oldest,
    queues_with_messages,
    unacked_by_queue,
    unacked_count,
)
from labkit.broker.results import follow_result
from labkit.broker.search import find_queued
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import LONG_S, Patient, patient
from tests.stack.helpers.stored import RESULT_PREFIX, decode_result, stored_result

__all__ = ["patient"]

MANY = 100_000


def fill(patient: Patient, queue: str, count: int) -> list[str]:
    """Copies of one real message, each with an id of its own; returns the ids, oldest first."""
    sent = patient.send("add", 4, 5, queue=queue)
    raw: Any = patient.client.lindex(queue, 0)
    ids = [sent.id, *(str(uuid.uuid4()) for _ in range(count - 1))]
    for start in range(1, count, 10_000):
        copies = [raw.replace(sent.id, one) for one in ids[start : start + 10_000]]
        patient.client.lpush(queue, *copies)
    return ids


def test_lengths_are_counted_for_each_priority(patient):
    for priority, count in {0: 1, 3: 2, 6: 3, 9: 4}.items():
        for _ in range(count):
            patient.send("add", 1, 1, priority=priority)
    assert lengths(patient.client, ["basic", "other"]) == {
        "basic": {0: 1, 3: 2, 6: 3, 9: 4},
        "other": {0: 0, 3: 0, 6: 0, 9: 0},
    }


def test_a_queue_is_found_that_nobody_declared_here(patient):
    patient.send("add", 1, 1, queue="bascic", priority=9)
    assert queues_with_messages(patient.client) == {"bascic"}


def test_the_oldest_message_is_the_one_that_a_worker_takes_next(patient):
    first = patient.send("add", 4, 5)
    patient.send("add", 1, 1)
    [message] = oldest(patient.client, "basic")
    assert message.task_id == first.id
    assert message.arguments() == ([4, 5], {})


def test_a_message_is_found_with_the_number_of_those_before_it(patient):
    for _ in range(3):
        patient.send("add", 1, 1)
    low = patient.send("add", 4, 5, priority=9)
    patient.send("add", 1, 1, priority=9)
    search = find_queued(patient.client, low.id, ["other", "basic"])
    assert search.message
    assert (search.message.task_id, search.queue, search.before) == (low.id, "basic", 3)


def test_the_id_in_the_message_of_a_child_is_not_taken_for_the_task(patient):
    parent = str(uuid.uuid4())
    patient.send("add", 1, 1, root_id=parent, parent_id=parent)
    search = find_queued(patient.client, parent, ["basic"])
    assert search.message is None
    assert (search.looked_at, search.total) == (1, 1)


def test_each_of_100_000_messages_is_found_soon(patient):
    ids = fill(patient, "basic", MANY)
    for place in (0, 1, 99, 100, 101, MANY // 2, MANY - 1):
        start = time.monotonic()
        search = find_queued(patient.client, ids[place], ["basic"], limit_s=60)
        assert time.monotonic() - start < 10  # 0.3 s on a quiet machine
        assert search.message
        assert (search.message.task_id, search.before) == (ids[place], place)


def test_a_search_that_must_end_early_says_how_far_it_came(patient):
    fill(patient, "long", 50_000)
    last = fill(patient, "short", 10)[-1]
    never = str(uuid.uuid4())
    search = find_queued(patient.client, never, ["long", "short"], limit_s=0)
    assert (search.message, search.looked_at, search.total) == (None, 0, 50_010)
    limit_s = 0.001
    while search.looked_at == 0:  # until the time is enough for a first chunk
        limit_s *= 2
        search = find_queued(patient.client, never, ["long", "short"], limit_s)
    assert not search.complete
    found = find_queued(patient.client, last, ["long", "short"], limit_s=60)
    assert (found.queue, found.looked_at) == ("short", 10)  # the short list comes first


def test_large_messages_are_searched_in_small_pieces(patient, monkeypatch):
    [sent] = fill(patient, "large", 1)
    raw: Any = patient.client.lindex("large", 0)
    large = raw.replace(sent, str(uuid.uuid4())).replace('"body": "', '"body": "' + "x" * 500_000)
    for _ in range(30):
        patient.client.lpush("large", large)
    read, pieces = patient.client.lrange, []

    def watched(*given: Any) -> Any:
        answer = read(*given)
        pieces.append(sum(map(len, answer)))
        return answer

    monkeypatch.setattr(patient.client, "lrange", watched)
    found = find_queued(patient.client, str(uuid.uuid4()), ["large"], limit_s=60)
    assert (found.looked_at, found.total) == (31, 31)
    assert max(pieces) < 5_000_000


def test_a_piece_that_takes_too_long_ends_the_search(patient, monkeypatch):
    fill(patient, "slow", 50)
    read, calls = patient.client.lrange, []

    def once(*given: Any) -> Any:
        calls.append(given)
        if len(calls) > 1:
            raise redis.TimeoutError
        return read(*given)

    monkeypatch.setattr(patient.client, "lrange", once)
    found = find_queued(patient.client, str(uuid.uuid4()), ["slow"])
    assert (found.message, found.looked_at, found.total) == (None, 4, 50)


def test_the_queue_of_a_taken_message_is_that_of_its_binding(patient):
    one = Queue("mail", Exchange("shop", "topic"), routing_key="mail.#")
    other = Queue("bill", Exchange("shop", "topic"), routing_key="bill.*")
    with patient.app.connection() as connection, connection.channel() as channel:
        one(channel).declare()
        other(channel).declare()
        Producer(channel).publish({}, exchange="shop", routing_key="mail.a.b", retry=False)
        assert one(channel).get()  # and does not acknowledge it
        assert unacked_by_queue(patient.client) == {"mail": 1}


def test_a_message_is_found_while_workers_take_those_before_it(patient):
    ids = fill(patient, "basic", MANY)
    taking = threading.Event()

    def take() -> None:
        while not taking.is_set():
            patient.client.rpop("basic")

    thread = threading.Thread(target=take)
    thread.start()
    try:
        for place in (MANY // 2, MANY // 4 * 3, MANY - 1):
            search = find_queued(patient.client, ids[place], ["basic"], limit_s=60)
            assert search.message
            assert search.before < place
    finally:
        taking.set()
        thread.join()


def test_the_length_of_a_queue_costs_the_same_when_it_is_long(patient):
    patient.send("add", 1, 1, queue="short")
    fill(patient, "long", MANY)

    def commands(queue: str) -> set[str]:
        """What Redis is asked: LLEN takes the same time for every length, LRANGE does not."""
        patient.client.config_resetstat()
        lengths(patient.client, [queue])
        return set(patient.client.info("commandstats")) - {"cmdstat_config|resetstat"}

    assert commands("long") == commands("short") == {"cmdstat_llen"}


def test_what_a_worker_took_is_counted_by_queue_and_found(patient):
    with patient.worker("holder", "--concurrency=1"):
        patient.wait_for_state(patient.send("nap", LONG_S), "STARTED")
        held = [patient.send("add", 1, number) for number in range(3)]
        wait_until(lambda: unacked_count(patient.client) == 3, what="three are reserved")
        assert unacked_by_queue(patient.client) == {"basic": 3}
        assert unacked_by_queue(patient.client, limit=2) is None
        found = find_unacked(patient.client, held[1].id).found
        early = find_unacked(patient.client, str(uuid.uuid4()), limit_s=-1)
    assert found
    assert (found.message.arguments(), found.queue) == (([1, 1], {}), "basic")
    assert abs(found.taken_at - time.time()) < 60
    assert (early.found, early.looked_at, early.total) == (None, 1, 3)


def test_connected_workers_are_counted_also_when_they_cannot_answer(patient):
    assert listeners(patient.client) == 0
    with patient.worker("one"), patient.worker("two", "--pool=solo"):
        patient.send("nap", LONG_S)
        patient.send("nap", LONG_S)
        wait_until(lambda: unacked_count(patient.client) > 0, what="the solo worker is busy")
        assert listeners(patient.client) == 2
    wait_until(lambda: listeners(patient.client) == 0, what="both are gone")


def test_every_state_is_followed_as_it_is_stored(patient):
    with patient.worker("followed"):
        task_id = str(uuid.uuid4())
        news = follow_result(patient.client, task_id, RESULT_PREFIX, decode_result)
        assert next(news) is None
        patient.send("word_counts_of_all", ["a b", "b"], task_id=task_id)
        states: list[str] = []
        while not states or states[-1] != "SUCCESS":
            result = next(news)
            states += [result.status] if result else []
        stored = stored_result(patient.client, task_id)
    assert states == ["STARTED", "PROGRESS", "PROGRESS", "PROGRESS", "SUCCESS"]
    assert stored
    assert stored.result == {"b": 2, "a": 1}
    assert 3500 < (stored.expires_in_s or 0) <= 3600


@pytest.mark.parametrize("priority", [0, 9])
def test_a_message_that_is_no_celery_message_does_not_hide_the_others(patient, priority):
    result = patient.send("add", 1, 1, priority=priority)
    key = list_name("basic", priority)
    patient.client.rpush(key, result.id, json.dumps({"headers": {"id": result.id}}))
    search = find_queued(patient.client, result.id, ["basic"])
    assert search.message
    assert search.message == decode_message(patient.client.lrange(key, 0, 0)[0])
