"""Queues of a lesson's own: nobody else's messages are removed, or counted."""

from labkit.broker.queues import PRIORITIES, list_name
from labkit.own.queues import queued_and_unacked, remove_queues
from labkit.own.workers import own_worker
from tests.stack.helpers.labs import wait_until
from tests.stack.helpers.patient import patient

__all__ = ["patient"]


def test_removing_queues_leaves_those_of_others_alone(patient):
    for queue in ("mine", "mine-too", "theirs"):
        for priority in PRIORITIES:
            patient.send("nap", 60, queue=queue, priority=priority)
    with own_worker(
        "own", ["mine", "theirs"], "--concurrency=1", environment=patient.environment
    ) as one:
        held = patient.send("nap", 60, queue="theirs", priority=0)
        wait_until(lambda: patient.client.hlen("unacked") == 4, what="the worker holds messages")
        one.kill()
    theirs = {
        key: patient.client.lrange(key, 0, -1)
        for key in [list_name("theirs", priority) for priority in PRIORITIES]
    }
    of_theirs = [raw for raw in patient.client.hvals("unacked") if '"theirs"' in raw]
    remove_queues(patient.client, ["mine", "mine-too"])
    assert patient.client.keys("*mine*") == []
    assert patient.client.hvals("unacked") == of_theirs
    assert patient.client.zcard("unacked_index") == len(of_theirs)
    assert {key: patient.client.lrange(key, 0, -1) for key in theirs} == theirs
    assert held


def test_only_messages_of_the_queue_itself_are_counted(patient):
    for queue in ("mine", "mine", "theirs"):
        patient.send("nap", 60, queue=queue)
    options = ("--concurrency=1", "--prefetch-multiplier=1")
    with own_worker("own", ["theirs"], *options, environment=patient.environment) as one:
        patient.send("nap", 60, queue="theirs")
        wait_until(lambda: patient.client.hlen("unacked") == 1, what="the worker holds one")
        places = {name: queued_and_unacked(patient.client, name) for name in ("mine", "theirs")}
        one.kill()
    assert places == {"mine": (2, 0), "theirs": (0, 1)}
